"""DeLong's covariance of areas under ROC curves on the same cases."""

import math

import numpy as np
from scipy.stats import norm, rankdata

from medse.arrays import BoolArray, FloatArray

Z_95 = float(norm.ppf(0.975))


def delong(positive: BoolArray, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the AUC of each model and the covariance of the AUCs, for independent cases.

    Each AUC is a mean over the cases of the class, and one over the others, of how each case is placed among those of
    the other kind; the covariance is that of the first over their number, plus that of the second over theirs.

    Args:
        positive: Which cases are of the class.
        scores: Of one or more models, the higher the more likely of the class.

    Returns:
        ``(models,)`` and ``(models, models)``. The AUC is NaN without a case of either kind, the covariance with
        fewer than two of either.

    Shape:
        ``(n,)`` and ``(models, n)``.

    Reference:
        DeLong, DeLong and Clarke-Pearson (1988), Biometrics 44(3), equations 4-6; from ranks after Sun and Xu (2014),
        IEEE Signal Processing Letters 21(11), algorithm 2.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if not m or not n:
        return np.full(len(scores), np.nan), np.full((len(scores), len(scores)), np.nan)
    ranks = rankdata(scores, axis=1)
    of_class = (ranks[:, positive] - rankdata(scores[:, positive], axis=1)) / n
    others = 1 - (ranks[:, ~positive] - rankdata(scores[:, ~positive], axis=1)) / m
    auc = of_class.mean(axis=1)
    if min(m, n) < 2:
        return auc, np.full((len(scores), len(scores)), np.nan)
    return auc, np.atleast_2d(np.cov(of_class)) / m + np.atleast_2d(np.cov(others)) / n


def delong_interval(auc: float, variance: float) -> tuple[float, float]:
    """Return AUC ± 1.96 standard errors, cut at 0 and 1; NaN where the variance is 0, as of a perfect order."""
    if not variance > 0:
        return math.nan, math.nan
    reach = Z_95 * math.sqrt(variance)
    return max(0.0, auc - reach), min(1.0, auc + reach)


def delong_test(auc: FloatArray, covariance: FloatArray) -> tuple[float, float]:
    """Return z and the two-sided p value of the difference of two AUCs on the same cases.

    Equal AUCs give 0 and 1; where the variance of a difference is 0 or undefined, both are NaN.

    Shape:
        ``(2,)`` and ``(2, 2)``.
    """
    difference = float(auc[0] - auc[1])
    if difference == 0:
        return 0.0, 1.0
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if not variance > 0:
        return math.nan, math.nan
    z = difference / math.sqrt(variance)
    return z, float(2 * norm.sf(abs(z)))
