"""Rows of scores -> what they say about each class and about all of them."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np

from medse.arrays import BoolArray, FloatArray
from medse.scores.convention_means import convention_means
from medse.scores.ledger import ledger
from medse.scores.rows import ConventionRow, DetailRow, ScoreRow
from medse.scores.scores import ClassScores, DistanceSummary, LesionSummary, Summaries
from medse.scores.statistics import Summary, case_means, group_means, summarise

DISTANCES = ("hd_mm", "hd95_mm", "assd_mm")


def cases(rows: Sequence[ScoreRow]) -> list[str]:
    """Return the case ids in the order of the rows, which is that of :func:`column`."""
    return list(dict.fromkeys(row.case for row in rows))


def column(rows: Sequence[ScoreRow] | Sequence[DetailRow], name: str) -> FloatArray:
    """Return one number of the rows as ``(cases, classes)``; ``rows`` are complete and sorted by case.

    NaN where it is undefined or was not computed.
    """
    values = np.array([getattr(row, name) for row in rows], dtype=np.float64)
    return values.reshape(len({row.case for row in rows}), -1)


def mean_classes(labels: Sequence[str], merged: Mapping[str, Collection[str]]) -> list[int]:
    """Return the positions of the classes that count: all but unions of which a part is scored itself.

    Args:
        labels: The scored classes.
        merged: Union -> its parts.
    """
    scored = set(labels)
    return [k for k, label in enumerate(labels) if scored.isdisjoint(merged.get(label, ()))]


def summarise_rows(
    rows: Sequence[ScoreRow],
    details: Sequence[DetailRow] = (),
    beside: Sequence[ConventionRow] = (),
    unit: Literal["case", "group"] = "case",
    merged: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Summaries:
    """Summarise every class, and the mean over classes per case, over cases or over groups.

    Args:
        rows: One per case and class, sorted by case.
        details: As many in the same order, or none.
        beside: Those of other conventions.
        unit: What counts once: a case, or a group by the mean of its cases.
        merged: Union of classes -> its parts; beside a part it does not count in the mean over classes.
    """
    dice, reference_ml, prediction_ml = (
        column(rows, name) for name in ("dice", "volume_reference_ml", "volume_prediction_ml")
    )
    classes = rows[: dice.shape[1]]
    counted = mean_classes([row.label for row in classes], merged)
    groups = [row.group for row in rows[:: len(classes)]]
    reference_empty, prediction_empty = (
        column(rows, f"{of}_empty") == 1 for of in ("reference", "prediction")
    )
    difference_ml = np.where(reference_empty & prediction_empty, np.nan, prediction_ml - reference_ml)
    against = np.where(reference_ml > 0, reference_ml, np.nan)

    def summary(values: FloatArray) -> Summary:
        return summarise(*(group_means(values, groups) if unit == "group" else (values, groups)))

    tables = {
        **{name: column(rows, name) for name in ("dice", "precision", "recall")},
        "volume_difference_ml": difference_ml,
        "volume_difference_percent": 100 * difference_ml / against,
    }
    *per_class, together = ledger(dice, reference_empty, prediction_empty, counted)
    both = ~reference_empty & ~prediction_empty
    return Summaries(
        cases=len(groups),
        groups=len(set(groups)),
        mean_dice=summary(case_means(dice[:, counted])),
        ledger=together,
        classes=tuple(
            ClassScores(
                label=row.label,
                value=row.value,
                ledger=per_class[k],
                **{name: summary(table[:, k]) for name, table in tables.items()},
                **{name: _optional(rows, name, k, summary) for name in ("iou", "nsd")},
                **{name: _distance(rows, name, k, both[:, k], summary) for name in DISTANCES},
                centreline_dice=_optional(details, "centreline_dice", k, summary),
                lesions=_sum_lesions([row for row in details if row.label == classes[k].label], summary),
                conventions=convention_means([other for other in beside if other.label == row.label]),
            )
            for k, row in enumerate(classes)
        ),
    )


def _optional(
    rows: Sequence[ScoreRow] | Sequence[DetailRow],
    name: str,
    k: int,
    summary: Callable[[FloatArray], Summary],
) -> Summary | None:
    """Summarise a score of the ``k``-th class; None where it was computed in no case."""
    label = rows[k].label if rows else ""
    values = [getattr(row, name) for row in rows if row.label == label]
    if all(value is None for value in values):
        return None
    return summary(np.array(values, dtype=np.float64))


def _distance(
    rows: Sequence[ScoreRow],
    name: str,
    k: int,
    both: BoolArray,
    summary: Callable[[FloatArray], Summary],
) -> DistanceSummary | None:
    every = _optional(rows, name, k, summary)
    if every is None:
        return None
    return DistanceSummary(every=every, both_masks=summary(np.where(both, column(rows, name)[:, k], np.nan)))


def _sum_lesions(rows: Sequence[DetailRow], summary: Callable[[FloatArray], Summary]) -> LesionSummary | None:
    """Add up the lesions of one class; None where it was not taken apart.

    Args:
        rows: One per case.
        summary: Describes one number per case.
    """
    if not rows or rows[0].lesions_reference is None:
        return None
    reference, prediction, matched = (
        sum(getattr(row, f"lesions_{name}") for row in rows)
        for name in ("reference", "prediction", "matched")
    )
    return LesionSummary(
        reference=reference,
        prediction=prediction,
        matched=matched,
        sensitivity=matched / reference if reference else math.nan,
        precision=matched / prediction if prediction else math.nan,
        f1=2 * matched / (reference + prediction) if reference + prediction else math.nan,
        f1_by_case=summary(np.array([row.lesion_f1 for row in rows], dtype=np.float64)),
        dice_by_case=summary(np.array([row.lesion_dice for row in rows], dtype=np.float64)),
    )
