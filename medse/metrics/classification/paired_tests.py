"""Tests between two classifiers on the same cases, and the unpaired one that papers report."""

import math
from dataclasses import dataclass

from scipy.stats import binomtest, chi2, norm

from medse.arrays import BoolArray


@dataclass(frozen=True)
class McNemar:
    """What the test says.

    Attributes:
        only_first: Cases that only the first classifier has right; ``only_second`` likewise.
        exact_p: Two-sided, from the binomial distribution; 1 where they never differ.
        chi2: With continuity correction; NaN where they never differ, as is ``chi2_p``.
    """

    only_first: int
    only_second: int
    exact_p: float
    chi2: float
    chi2_p: float


def mcnemar(first: BoolArray, second: BoolArray) -> McNemar:
    """Test whether two classifiers are right equally often, from the cases in which only one of them is.

    Shape:
        ``(n,)`` each: whether the case is right.

    Reference:
        McNemar (1947), Psychometrika 12(2); with the correction of Edwards (1948), ``(|b - c| - 1)² / (b + c)``.
    """
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    if b + c == 0:
        return McNemar(b, c, 1.0, math.nan, math.nan)
    statistic = max(abs(b - c) - 1, 0) ** 2 / (b + c)
    return McNemar(b, c, float(binomtest(b, b + c).pvalue), statistic, float(chi2.sf(statistic, 1)))


def two_proportions(first: int, second: int, n_first: int, n_second: int) -> tuple[float, float]:
    """Return z and the two-sided p value of the difference of two independent shares, their variance pooled.

    Of two classifiers on the same cases the shares are not independent; the test ignores that. Equal shares give
    0 and 1.

    Args:
        first: Number of successes out of ``n_first``; ``second`` likewise.
    """
    difference = first / n_first - second / n_second
    if difference == 0:
        return 0.0, 1.0
    pooled = (first + second) / (n_first + n_second)
    z = difference / math.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_second))
    return z, float(2 * norm.sf(abs(z)))
