"""Mistakes in a configuration: one line each, all of them in one error."""

import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import NoReturn

from medse.errors import InputError

KeyPath = tuple[str | int, ...]
"""Keys (and list positions, from 0) that lead from the root of a configuration to a value."""

LONGEST = 60


@dataclass(frozen=True)
class Mistake:
    """One thing to correct.

    Attributes:
        place: ``line 12`` or ``override 'optimizer.lr=x'``; None where the file says nothing at all.
        text: What is wrong, what was given and what is allowed.
    """

    place: str | None
    text: str


def refuse(path: Path, mistakes: Sequence[Mistake]) -> NoReturn:
    """Raise one error that lists ``mistakes`` in the order of the file, overrides last.

    Raises:
        InputError: Always; one sentence for one mistake, else a line per mistake.
    """
    ordered = sorted(dict.fromkeys(mistakes), key=_line)
    if len(ordered) == 1:
        place = f", {ordered[0].place}" if ordered[0].place else ""
        raise InputError(f"{path}{place}: {ordered[0].text}")
    lines = (f"  {place}: {text}" if place else f"  {text}" for place, text in map(astuple, ordered))
    raise InputError("\n".join([f"{path} has {len(ordered)} mistakes:", *lines]))


def shown(value: object) -> str:
    """Return ``value`` roughly as it would be written in YAML, shortened."""
    text = _flow(value)
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def dotted(path: KeyPath) -> str:
    """Return the key as it is written in an override: ``net.attention.name``, ``data.patch_size[1]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{_plain(part)}" for part in path)
    return "".join(parts).removeprefix(".")


def _flow(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_plain(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return repr(value)


def _plain(key: str) -> str:
    return key if re.fullmatch(r"[\w -]+", key) else repr(key)


def _line(mistake: Mistake) -> float:
    """Sort key: no place first, then lines, then overrides."""
    line = re.fullmatch(r"line (\d+)", mistake.place or "line 0")
    return float(line[1]) if line else float("inf")
