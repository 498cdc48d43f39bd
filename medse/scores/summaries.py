"""Rows of scores -> what they say about each class and about all of them."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from medse.arrays import BoolArray, FloatArray
from medse.scores.scores import (
    ClassScores,
    ConventionMean,
    ConventionRow,
    DetailRow,
    DistanceSummary,
    EmptyMasks,
    LesionSummary,
    ScoreRow,
    Summaries,
)
from medse.scores.statistics import Summary, finite_mean, group_means, summarise
from medse.scores.table import OF_CONVENTIONS, SCORES

Summarise = Callable[[FloatArray], Summary]

RULES: dict[str, Callable[[FloatArray, BoolArray, BoolArray], FloatArray]] = {
    "medse": lambda dice, _reference, _prediction: dice,
    "both_empty_is_1": lambda dice, reference, prediction: np.where(reference & prediction, 1.0, dice),
    "reference_empty_left_out": lambda dice, reference, _prediction: np.where(reference, np.nan, dice),
}
"""Rule for empty masks -> Dice after it, from Dice by ``medse`` and where reference and prediction are empty.

``both_empty_is_1`` is what medpy, MetricsReloaded and BraTS 2023 do; ``reference_empty_left_out`` is the
default of MONAI's DiceMetric.
"""


def column(rows: Sequence[ScoreRow], name: str) -> FloatArray:
    """Return one number of the rows as ``(cases, classes)``; ``rows`` are complete and sorted by case.

    NaN where it is undefined or was not computed.
    """
    return _numbers(rows, name).reshape(len({row.case for row in rows}), -1)


def mean_classes(labels: Sequence[str], merged: Mapping[str, Collection[str]]) -> list[int]:
    """Return the positions of the classes that count: all but the unions (``merged``) of which a part is scored."""
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
        unit: What counts once: a case, or a group by the mean of its cases.
        merged: Union of classes -> its parts; beside a part it does not count in the mean over classes.
    """
    labels = list(dict.fromkeys(row.label for row in rows))
    groups = [row.group for row in rows[:: len(labels)]]

    def summary(values: FloatArray) -> Summary:
        return summarise(*(group_means(values, groups) if unit == "group" else (values, groups)))

    counted = mean_classes(labels, merged)
    dice = column(rows, "dice")
    empty = (column(rows, "reference_empty") == 1, column(rows, "prediction_empty") == 1)
    *of_classes, together = count_empty_masks(dice, *empty, counted)
    return Summaries(
        cases=len(groups),
        groups=len(set(groups)),
        mean_dice=summary(finite_mean(dice[:, counted])),
        empty_masks=together,
        classes=tuple(
            _summarise_class(
                rows[k :: len(labels)],
                details[k :: len(labels)],
                [row for row in beside if row.label == label],
                of_classes[k],
                summary,
            )
            for k, label in enumerate(labels)
        ),
    )


def count_empty_masks(
    dice: FloatArray, reference_empty: BoolArray, prediction_empty: BoolArray, counted: Sequence[int]
) -> list[EmptyMasks]:
    """Return the record of empty masks of each class and, last, that of the counted classes together.

    The last one's ``mean_dice`` is the mean over classes per case, then over cases.

    Args:
        dice: ``(cases, classes)`` by any convention: where a mask is empty it does not count.
        reference_empty: Where the reference has no voxel of the class, same shape.
        prediction_empty: The same of the prediction.
        counted: Positions of the classes that enter the last one.
    """
    one_empty = reference_empty ^ prediction_empty
    dice = np.where(reference_empty & prediction_empty, np.nan, np.where(one_empty, 0.0, dice))
    by_rule = {name: rule(dice, reference_empty, prediction_empty) for name, rule in RULES.items()}

    def record(columns: Sequence[int]) -> EmptyMasks:
        reference, prediction = reference_empty[:, columns], prediction_empty[:, columns]
        return EmptyMasks(
            both_empty=int((reference & prediction).sum()),
            false_negatives=int((~reference & prediction).sum()),
            false_positives=int((reference & ~prediction).sum()),
            mean_dice={
                name: float(finite_mean(finite_mean(table[:, columns]))) for name, table in by_rule.items()
            },
        )

    return [*(record([k]) for k in range(dice.shape[1])), record(counted)]


def convention_means(rows: Sequence[ScoreRow] | Sequence[ConventionRow]) -> dict[str, ConventionMean]:
    """Average the scores of one class by one convention, one row per case; those that it lacks are left out."""
    means = {}
    for name in OF_CONVENTIONS:
        if any(getattr(row, name) is not None for row in rows):
            values = _numbers(rows, name)
            means[name] = ConventionMean(
                n=int(np.isfinite(values).sum()),
                mean=float(finite_mean(values)),
                undefined=int(np.isnan(values).sum()),
                infinite=int(np.isinf(values).sum()),
            )
    return means


def _numbers(rows: Sequence[Any], name: str) -> FloatArray:
    return np.array([getattr(row, name) for row in rows], dtype=np.float64)


def _summarise_class(
    rows: Sequence[ScoreRow],
    details: Sequence[DetailRow],
    beside: Sequence[ConventionRow],
    empty_masks: EmptyMasks,
    summary: Summarise,
) -> ClassScores:
    """Summarise the rows of one class, one per case in each table."""
    reference_ml, prediction_ml = (_numbers(rows, f"volume_{of}_ml") for of in ("reference", "prediction"))
    both_empty = np.array([row.reference_empty and row.prediction_empty for row in rows])
    difference_ml = np.where(both_empty, np.nan, prediction_ml - reference_ml)
    against = np.where(reference_ml > 0, reference_ml, np.nan)
    both = np.array([not (row.reference_empty or row.prediction_empty) for row in rows])
    return ClassScores(
        label=rows[0].label,
        value=rows[0].value,
        empty_masks=empty_masks,
        volume_difference_ml=summary(difference_ml),
        volume_difference_percent=summary(100 * difference_ml / against),
        lesions=_sum_lesions(details, summary),
        conventions={
            name: convention_means([row for row in beside if row.convention == name])
            for name in dict.fromkeys(row.convention for row in beside)
        },
        **{
            name: _summarise_score(details if name in DetailRow.model_fields else rows, name, both, summary)
            for name in SCORES
        },
    )


def _summarise_score(
    rows: Sequence[ScoreRow] | Sequence[DetailRow], name: str, both: BoolArray, summary: Summarise
) -> Summary | DistanceSummary | None:
    """Summarise a score of one class; None where it was computed in no case."""
    if all(getattr(row, name) is None for row in rows):
        return None
    values = _numbers(rows, name)
    if SCORES[name].unit != "mm":
        return summary(values)
    return DistanceSummary(every=summary(values), both_masks=summary(np.where(both, values, np.nan)))


def _sum_lesions(rows: Sequence[DetailRow], summary: Summarise) -> LesionSummary | None:
    """Add up the lesions of one class; None where it was not taken apart."""
    if not rows or rows[0].lesions_reference is None:
        return None
    reference, prediction, matched = (
        int(_numbers(rows, f"lesions_{name}").sum()) for name in ("reference", "prediction", "matched")
    )
    return LesionSummary(
        reference=reference,
        prediction=prediction,
        matched=matched,
        sensitivity=matched / reference if reference else math.nan,
        precision=matched / prediction if prediction else math.nan,
        f1=2 * matched / (reference + prediction) if reference + prediction else math.nan,
        f1_by_case=summary(_numbers(rows, "lesion_f1")),
        dice_by_case=summary(_numbers(rows, "lesion_dice")),
    )
