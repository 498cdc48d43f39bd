"""What ``evaluate`` is asked for, from a configuration and the command line."""

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ConfigDict

from medse.config.evaluation import Evaluation
from medse.config.mistakes import validate
from medse.config.overrides import apply_overrides
from medse.config.packaged import find_config
from medse.config.strict_yaml import Source, read_yaml
from medse.errors import InputError
from medse.metrics.conventions import ConventionName
from medse.registry import nearest, pick

ALL, SECTION = "all", "evaluation"
_NAMES: dict[str, ConventionName] = {name: name for name in get_args(ConventionName)}


class Asked(BaseModel):
    """The part of a configuration that says what to compute; the rest is not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    evaluation: Evaluation = Evaluation()


def read_asked(path: Path | None, overrides: Sequence[str], conventions: str | None) -> Evaluation:
    """Read the ``evaluation`` section of a YAML file, and replace values of it.

    Args:
        path: A configuration, or a file with only this section; None for the defaults.
        overrides: ``evaluation.key=value`` each.
        conventions: Names with commas between them: the first makes the scores, the others stand beside; or ``all``:
            all others beside the one of the section.

    Raises:
        InputError: The file cannot be read, or a key, a value or a name does not exist.
    """
    source = Source(Path("The command line"), {}, {}) if path is None else read_yaml(find_config(path))
    _refuse_ignored(source, overrides)
    options = validate(apply_overrides(source, overrides, Asked), Asked).evaluation
    if conventions is None:
        return options
    if conventions == ALL:
        first, others = options.convention, [name for name in _NAMES.values() if name != options.convention]
    else:
        first, *others = (
            pick(_NAMES, name, "convention")
            for name in dict.fromkeys(name.strip() for name in conventions.split(","))
        )
    return options.model_copy(update={"convention": first, "beside": tuple(others)})


def _refuse_ignored(source: Source, overrides: Sequence[str]) -> None:
    """Raise where something was clearly meant for the section and would not be looked at."""
    for override in overrides:
        key, equals, _ = override.partition("=")
        if equals and key.split(".")[0].strip() not in ("", SECTION):
            raise InputError(
                f"{override!r} changes nothing here; only {SECTION}.key=value is looked at; correct the key or leave "
                "it out."
            )
    if SECTION not in source.tree and (meant := nearest(SECTION, source.tree)):
        raise InputError(f"{source.path} has no section {SECTION};{meant} correct its name.")
