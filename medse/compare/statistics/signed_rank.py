"""Wilcoxon's signed-rank test of paired differences, and Holm's correction for asking several times."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, wilcoxon

from medse.arrays import FloatArray

DECIMALS = 12
"""Differences are compared to so many decimals; what is left beyond them is rounding of the arithmetic."""


@dataclass(frozen=True)
class SignedRank:
    """What the test says.

    Attributes:
        n: Differences that are not zero; the others are left out of the ranks, as Wilcoxon did.
        p: Two-sided; 1 where every difference is zero, NaN where there is none.
        p_smallest: What ``p`` would be if all of them had one sign: ``2 ** (1 - n)``, at most 1.
        direction: Sign of the sum of signed ranks.
    """

    n: int
    p: float
    p_smallest: float
    direction: int


def signed_rank(differences: FloatArray) -> SignedRank:
    """Test whether paired differences lie symmetrically about zero.

    The p value is exact up to 50 differences of different size and up to 13 with ties; beyond, from the normal
    approximation with the correction for ties.
    """
    if not len(differences):
        return SignedRank(0, np.nan, np.nan, 0)
    rounded = np.round(differences, DECIMALS)
    kept = rounded[rounded != 0]
    if not len(kept):
        return SignedRank(0, 1.0, 1.0, 0)
    direction = int(np.sign((np.sign(kept) * rankdata(np.abs(kept))).sum()))
    return SignedRank(len(kept), float(wilcoxon(kept).pvalue), 2.0 ** (1 - len(kept)), direction)


def holm(p: FloatArray) -> FloatArray:
    """Return p values corrected so that all of them together err at most as often as one; NaN are not counted.

    Shape:
        ``(tests,)`` in and out.
    """
    corrected = np.full(len(p), np.nan)
    order = np.argsort(p, kind="stable")[: np.isfinite(p).sum()]  # NaN last
    steps = np.arange(len(order), 0, -1) * p[order]
    corrected[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected
