"""Folders that ``medse evaluate`` wrote -> one table of the same cases for every training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medse.compare.arguments import read_arguments
from medse.compare.same_cases import check_same
from medse.compare.statistics.trainings import Cohort, Training
from medse.errors import InputError
from medse.registry import pick
from medse.scores.files import read_scores
from medse.scores.rows import ScoreRow
from medse.scores.scores import Scores
from medse.scores.summaries import mean_classes

HIGHER_IS_BETTER = {
    "dice": True,
    "iou": True,
    "nsd": True,
    "hd_mm": False,
    "hd95_mm": False,
    "assd_mm": False,
}
"""Scores that can be compared -> whether more of it is better."""


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
    pick(HIGHER_IS_BETTER, score, "score")
    found = [Report(name, folder, read_scores(folder)) for name, folder in read_arguments(arguments)]
    for report in found:
        if not _has(report.scores, score):
            present = [name for name in HIGHER_IS_BETTER if all(_has(one.scores, name) for one in found)]
            raise InputError(
                f"{report.folder} has no {score}; the reports share {', '.join(present)}; choose one of these with "
                "--score, or evaluate again."
            )
        check_same(found[0].folder, found[0].scores, report.folder, report.scores, score)
    for k, report in enumerate(found):
        for earlier in found[:k]:
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
    tables = [{(row.case, row.label): row for row in report.scores.rows} for report in reports]
    rows = [[[table[case, label] for label in classes] for case in cases] for table in tables]
    return Cohort(
        classes=classes,
        groups=tuple(line[0].group for line in rows[0]),
        reference_empty=np.array([[row.reference_empty for row in line] for line in rows[0]]),
        trainings=tuple(
            Training(
                report.model,
                np.array([[_score(row, score) for row in line] for line in lines], dtype=np.float64),
                np.array([[row.prediction_empty for row in line] for line in lines]),
            )
            for report, lines in zip(reports, rows, strict=True)
        ),
        counted=tuple(mean_classes(classes, first.settings.merged)),
        unit=first.settings.unit,
    )


def _score(row: ScoreRow, score: str) -> float | None:
    value: float | None = getattr(row, score)
    return value


def _has(scores: Scores, score: str) -> bool:
    return all(_score(row, score) is not None for row in scores.rows)


def _table(report: Report, score: str) -> dict[tuple[str, str], str]:
    """Return the scores as text, in which undefined equals undefined."""
    return {(row.case, row.label): repr(_score(row, score)) for row in report.scores.rows}
