"""Rows of scores -> what they say about each class and about all of them."""

from collections.abc import Sequence

import numpy as np

from medse.metrics.ledger import ledger
from medse.metrics.rows import ScoreRow
from medse.metrics.scores import ClassScores, Summaries
from medse.metrics.statistics import FloatArray, case_means, summarise


def cases(rows: Sequence[ScoreRow]) -> list[str]:
    """Return the case ids in the order of the rows, which is that of :func:`column`."""
    return list(dict.fromkeys(row.case for row in rows))


def column(rows: Sequence[ScoreRow], name: str) -> FloatArray:
    """Return one number of the rows as ``(cases, classes)``; ``rows`` are complete and sorted by case."""
    values = np.array([getattr(row, name) for row in rows], dtype=np.float64)
    return values.reshape(len(cases(rows)), -1)


def summarise_rows(rows: Sequence[ScoreRow]) -> Summaries:
    """Summarise every class, and the mean over classes per case, over cases."""
    dice, reference_ml, prediction_ml = (
        column(rows, name) for name in ("dice", "volume_reference_ml", "volume_prediction_ml")
    )
    classes = rows[: dice.shape[1]]
    groups = [row.group for row in rows[:: len(classes)]]
    difference_ml = np.where((reference_ml == 0) & (prediction_ml == 0), np.nan, prediction_ml - reference_ml)
    against = np.where(reference_ml > 0, reference_ml, np.nan)
    tables = {
        **{name: column(rows, name) for name in ("dice", "iou", "precision", "recall")},
        "volume_difference_ml": difference_ml,
        "volume_difference_percent": 100 * difference_ml / against,
    }
    empty = (column(rows, f"{of}_empty") == 1 for of in ("reference", "prediction"))
    *per_class, together = ledger(dice, *empty)
    return Summaries(
        cases=len(groups),
        groups=len(set(groups)),
        mean_dice=summarise(case_means(dice), groups),
        ledger=together,
        classes=tuple(
            ClassScores(
                label=row.label,
                value=row.value,
                ledger=per_class[k],
                **{name: summarise(table[:, k], groups) for name, table in tables.items()},
            )
            for k, row in enumerate(classes)
        ),
    )
