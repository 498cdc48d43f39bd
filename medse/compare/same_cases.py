"""Refusing reports that cannot be compared: other cases, classes, references or rules."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from medse.errors import InputError
from medse.labels import IGNORE
from medse.scores.rows import ScoreRow
from medse.scores.scores import Scores

SHOWN = 5
_AGREE = 1e-6
"""Reference volumes that differ by no more than this share are equal: what reading decimals may change."""


def check_same(first: Path, one: Scores, second: Path, other: Scores, score: str) -> None:
    """Raise unless ``score`` of both reports can be compared case by case and class by class.

    Raises:
        InputError: They differ in the rules, the cases, the classes, the groups or the references.
    """
    both = f"{first} and {second}"
    also = _rules(other, score)
    for what, given in _rules(one, score).items():
        if given != also[what]:
            raise InputError(
                f"{both} differ in the {what}; {given} against {also[what]}; both must be the same; run medse "
                "evaluate again with equal settings."
            )
    ours, theirs = _keyed(one), _keyed(other)
    for what, here, there in (
        ("cases", {case for case, _ in ours}, {case for case, _ in theirs}),
        ("classes", {label for _, label in ours}, {label for _, label in theirs}),
    ):
        if here != there:
            raise InputError(
                f"{both} score different {what}; only in {first}: {_some(here - there)}; only in {second}: "
                f"{_some(there - here)}; a paired comparison needs the same {what}; evaluate both again on the same."
            )
    grouped = {case for (case, label), row in ours.items() if row.group != theirs[case, label].group}
    if grouped:
        raise InputError(
            f"{both} put cases into different groups; {_some(grouped)}; groups must be the same; evaluate both with "
            "the same --cases file."
        )
    differing = {key for key, row in ours.items() if not _same_reference(row, theirs[key])}
    if differing:
        names = {f"{label} in {case}" for case, label in differing}
        raise InputError(
            f"{both} were scored against different references; the volume of {_some(names)} is not the same; "
            "references must be the same; evaluate both against the same folder."
        )


def _rules(scores: Scores, score: str) -> dict[str, Any]:
    """Return what must be equal for ``score`` to mean the same."""
    settings = scores.settings
    rules: dict[str, Any] = {
        "convention": scores.convention,
        "unit that counts once": settings.unit,
        "merged classes": settings.merged or "none",
        "ignored values": (settings.labels or {}).get(IGNORE, "none"),
    }
    if score.endswith("_mm") or score == "nsd":
        rules["length of a pixel"] = settings.pixel_mm
    if score == "nsd":
        rules["tolerances"] = settings.tolerance_mm
    return rules


def _keyed(scores: Scores) -> dict[tuple[str, str], ScoreRow]:
    return {(row.case, row.label): row for row in scores.rows}


def _same_reference(row: ScoreRow, other: ScoreRow) -> bool:
    here, there = row.volume_reference_ml, other.volume_reference_ml
    volumes = (math.isnan(here) and math.isnan(there)) or math.isclose(here, there, rel_tol=_AGREE)
    return volumes and row.reference_empty == other.reference_empty


def _some(names: Collection[str]) -> str:
    shown = ", ".join(sorted(names)[:SHOWN]) or "none"
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
