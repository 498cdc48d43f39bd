"""Folders in which ``medse evaluate`` scored classifiers -> the same cases for every training."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from medse.compare.reading import read_arguments
from medse.errors import InputError, some
from medse.metrics.classification.measures import Classified
from medse.scores.classification import ClassificationScores, is_classification, read_classification


@dataclass(frozen=True)
class ClassifierReport:
    """One folder: a training of a model, scored."""

    model: str
    folder: Path
    scores: ClassificationScores


def any_classifier(arguments: Sequence[str]) -> bool:
    """Whether a folder of a comparison holds scores of a classifier.

    Raises:
        InputError: The arguments name no two models.
    """
    return any(is_classification(folder) for _, folder in read_arguments(arguments))


def read_classifier_reports(arguments: Sequence[str]) -> list[ClassifierReport]:
    """Read the folders and make sure that they can be compared.

    Raises:
        InputError: A folder cannot be read, or holds scores of label maps; cases, classes, groups or references
            differ from those of another; or two trainings of a model have the same probabilities.
    """
    named = read_arguments(arguments)
    if absent := next((folder for _, folder in named if not folder.exists()), None):
        raise InputError(f"{absent} does not exist; give the folder of a report, as NAME=FOLDER.")
    if other := next((folder for _, folder in named if not is_classification(folder)), None):
        raise InputError(
            f"{other} holds no scores of a classifier, and another of the folders does; compare classifiers with "
            "classifiers and label maps with label maps; leave it out, or evaluate its predictions first."
        )
    found = [ClassifierReport(name, folder, read_classification(folder)) for name, folder in named]
    for report in found[1:]:
        _check_same(found[0], report)
    for earlier, report in combinations(found, 2):
        if report.model == earlier.model and _rows(report) == _rows(earlier):
            raise InputError(
                f"{earlier.folder} and {report.folder}, given as two trainings of {report.model}, have the same "
                "probabilities everywhere; trainings with different seeds differ; leave one of them out."
            )
    return found


def classified(report: ClassifierReport, classes: Sequence[str]) -> Classified:
    """Return references and probabilities of a report, its classes in the order of ``classes``."""
    rows, place = report.scores.rows, {label: k for k, label in enumerate(report.scores.labels)}
    order = [place[label] for label in classes]
    return Classified(
        np.array([classes.index(row.reference) for row in rows]),
        np.array([row.probabilities for row in rows], dtype=np.float64)[:, order],
    )


def _rows(report: ClassifierReport) -> list[tuple[float, ...]]:
    return [row.probabilities for row in report.scores.rows]


def _check_same(first: ClassifierReport, other: ClassifierReport) -> None:
    both = f"{first.folder} and {other.folder}"
    ours, theirs = ({row.case: row for row in report.scores.rows} for report in (first, other))
    for what, here, there in (
        ("cases", set(ours), set(theirs)),
        ("classes", set(first.scores.labels), set(other.scores.labels)),
    ):
        if here != there:
            raise InputError(
                f"{both} score different {what}; only in {first.folder}: {some(here - there)}; only in "
                f"{other.folder}: {some(there - here)}; a paired comparison needs the "
                f"same {what}; evaluate both again on the same."
            )
    for what, name, remedy in (
        ("put cases into different groups", "group", "the same --cases file"),
        ("were scored against different references", "reference", "the same references"),
    ):
        if differing := {case for case in ours if getattr(ours[case], name) != getattr(theirs[case], name)}:
            raise InputError(
                f"{both} {what}; the {name} of {some(differing)} is not the same; evaluate both with {remedy}."
            )
