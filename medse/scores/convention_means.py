"""What other conventions make of the same cases."""

from collections.abc import Sequence

import numpy as np

from medse.arrays import FloatArray
from medse.scores.rows import ConventionRow
from medse.scores.scores import ConventionMean

SCORES = ("dice", "iou", "hd_mm", "hd95_mm", "assd_mm", "nsd")


def convention_means(rows: Sequence[ConventionRow]) -> dict[str, dict[str, ConventionMean]]:
    """Average one class over cases, by convention and score; scores that a convention lacks are left out."""
    found: dict[str, dict[str, ConventionMean]] = {}
    for name in dict.fromkeys(row.convention for row in rows):
        own = [row for row in rows if row.convention == name]
        columns = {score: [getattr(row, score) for row in own] for score in SCORES}
        found[name] = {
            score: convention_mean(np.array(values, dtype=np.float64))
            for score, values in columns.items()
            if any(value is not None for value in values)
        }
    return found


def convention_mean(values: FloatArray) -> ConventionMean:
    """Average the finite scores of one class, one per case, and count the others."""
    finite = values[np.isfinite(values)]
    return ConventionMean(
        n=len(finite),
        mean=float(finite.mean()) if len(finite) else float("nan"),
        undefined=int(np.isnan(values).sum()),
        infinite=int(np.isinf(values).sum()),
    )
