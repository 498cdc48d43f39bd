"""Folders that ``medse evaluate`` wrote -> one table of the same cases for every training."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from medse.compare.verdicts import Cohort, Training
from medse.errors import InputError, some
from medse.files import given_path
from medse.labels import IGNORE
from medse.registry import pick
from medse.scores.classification import is_classification
from medse.scores.files import check_names, read_scores
from medse.scores.scores import ScoreRow, Scores
from medse.scores.summaries import mean_classes
from medse.scores.table import OF_CONVENTIONS, SCORES

_FORM = "give each as NAME=FOLDER, the same name for trainings of one model that differ only in their seed"
_AGREE = 1e-6
"""Reference volumes that differ by no more than this share are equal: what reading decimals may change."""


@dataclass(frozen=True)
class Report:
    """One folder: a training of a model, scored."""

    model: str
    folder: Path
    scores: Scores


def read_reports(arguments: Sequence[str], score: str) -> list[Report]:
    """Read the folders and make sure that ``score`` can be compared between them.

    Raises:
        InputError: A folder cannot be read; it lacks the score; its cases, classes, groups, references or rules
            differ from those of another; or two trainings of a model have the same scores.
    """
    pick({name: SCORES[name] for name in OF_CONVENTIONS}, score, "score")
    named = read_arguments(arguments)
    if other := next((folder for _, folder in named if is_classification(folder)), None):
        raise InputError(
            f"{other} holds scores of a classifier, which have no {score}; expected folders in which label maps were "
            "scored; compare classifiers with medse.compare_classifiers."
        )
    found = [Report(name, folder, read_scores(folder)) for name, folder in named]
    for report in found:
        if not _has(report.scores, score):
            present = [name for name in OF_CONVENTIONS if all(_has(one.scores, name) for one in found)]
            raise InputError(
                f"{report.folder} has no {score}; the reports share {', '.join(present)}; choose one of these with "
                "--score, or evaluate again."
            )
        check_same(found[0].folder, found[0].scores, report.folder, report.scores, score)
    for earlier, report in combinations(found, 2):
        if report.model == earlier.model and _table(report, score) == _table(earlier, score):
            raise InputError(
                f"{earlier.folder} and {report.folder}, given as two trainings of {report.model}, have the same "
                f"{score} everywhere; trainings with different seeds differ; leave one of them out."
            )
    return found


def make_cohort(reports: Sequence[Report], score: str) -> Cohort:
    """Line up ``score`` of all reports, cases and classes in the order of the first."""
    first = reports[0].scores
    cases = list(dict.fromkeys(row.case for row in first.rows))
    classes = tuple(dict.fromkeys(row.label for row in first.rows))
    tables = [_keyed(report.scores) for report in reports]
    rows = [[[table[case, label] for label in classes] for case in cases] for table in tables]
    return Cohort(
        classes=classes,
        groups=tuple(line[0].group for line in rows[0]),
        reference_empty=np.array([[row.reference_empty for row in line] for line in rows[0]]),
        trainings=tuple(
            Training(
                report.model,
                np.array([[getattr(row, score) for row in line] for line in lines], dtype=np.float64),
                np.array([[row.prediction_empty for row in line] for line in lines]),
            )
            for report, lines in zip(reports, rows, strict=True)
        ),
        counted=tuple(mean_classes(classes, first.settings.merged)),
        unit=first.settings.unit,
    )


def read_arguments(arguments: Sequence[str]) -> list[tuple[str, Path]]:
    """Return the name and folder of each; a folder without a name is named after itself.

    What stands before the first ``=`` is a name unless it holds a slash.

    Raises:
        InputError: There are fewer than two models; a name cannot stand in a table; two folders would
            have the same name without being given it; or a model is given the same folder twice.
    """
    if not arguments:
        raise InputError(
            f"No folder was given; a comparison needs at least two that medse evaluate wrote; {_FORM}."
        )
    given = [_split(argument) for argument in arguments]
    found: list[tuple[str, Path]] = [(name or folder.resolve().name, folder) for name, folder in given]
    check_names((name for name, _ in found), "model")
    for k, (name, folder) in enumerate(found):
        for (explicit, _), (earlier_name, earlier) in zip(given[:k], found[:k], strict=True):
            if name != earlier_name:
                continue
            if folder.resolve() == earlier.resolve():
                raise InputError(
                    f"{folder} is given twice as {name}; a training counts once; leave one of them out."
                )
            if explicit is None or given[k][0] is None:
                raise InputError(
                    f"{earlier} and {folder} would both be named {name}; names tell models apart; {_FORM}."
                )
    if len({name for name, _ in found}) < 2:
        raise InputError(
            f"{' '.join(arguments)} is one model; a comparison needs at least two; add another folder that "
            "medse evaluate wrote."
        )
    return found


def check_same(first: Path, one: Scores, second: Path, other: Scores, score: str) -> None:
    """Raise an :class:`InputError` where rules, cases, classes, groups or references differ between two reports."""
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
                f"{both} score different {what}; only in {first}: {some(here - there)}; only in {second}: "
                f"{some(there - here)}; a paired comparison needs the same {what}; evaluate both again on the same."
            )
    grouped = {case for (case, label), row in ours.items() if row.group != theirs[case, label].group}
    if grouped:
        raise InputError(
            f"{both} put cases into different groups; {some(grouped)}; groups must be the same; evaluate both with "
            "the same --cases file."
        )
    differing = {key for key, row in ours.items() if not _same_reference(row, theirs[key])}
    if differing:
        names = {f"{label} in {case}" for case, label in differing}
        raise InputError(
            f"{both} were scored against different references; the volume of {some(names)} is not the same; "
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
    if SCORES[score].unit or score == "nsd":
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


def _split(argument: str) -> tuple[str | None, Path]:
    name, equals, folder = argument.partition("=")
    if not equals or "/" in name or "\\" in name:
        return None, given_path(argument)
    if not name.strip() or not folder:
        raise InputError(f"{argument!r} has an empty name or folder; expected NAME=FOLDER; {_FORM}.")
    return name, given_path(folder)


def _has(scores: Scores, score: str) -> bool:
    return all(getattr(row, score) is not None for row in scores.rows)


def _table(report: Report, score: str) -> dict[tuple[str, str], str]:
    """Return the scores as text, in which undefined equals undefined."""
    return {(row.case, row.label): repr(getattr(row, score)) for row in report.scores.rows}
