"""The lesions of one class, added up over cases."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from medse.metrics.rows import DetailRow
from medse.metrics.scores import LesionSummary
from medse.metrics.statistics import FloatArray, Summary


def sum_lesions(rows: Sequence[DetailRow], summary: Callable[[FloatArray], Summary]) -> LesionSummary | None:
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
