"""Ranks: Wilcoxon's signed-rank test with Holm's correction, and average ranks of three or more models."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range, wilcoxon

from medse.arrays import FloatArray
from medse.scores.statistics import Number, Record

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


class Ranks(Record):
    """Says how the models rank on average, after Demšar (2006).

    Attributes:
        n: Groups (cases where none are known) in which every model has a score; the ranks are over these.
        average: Model -> its average rank, 1 the best; equal scores share their ranks.
        friedman_p: P value of Friedman's test that all models rank alike.
        critical_difference: Nemenyi's: average ranks less far apart are not told apart at the level .05.
    """

    n: int
    average: dict[str, float]
    friedman_p: Number
    critical_difference: Number


def rank_models(models: tuple[str, ...], scores: FloatArray, *, higher_is_better: bool) -> Ranks | None:
    """Rank the models in every case and average; None for fewer than three models or two cases.

    Shape:
        ``scores`` are ``(cases, models)``, all defined.
    """
    if len(models) < 3 or len(scores) < 2:
        return None
    ranks = rankdata(-scores if higher_is_better else scores, axis=1)
    tied = bool((ranks == ranks[:, :1]).all())
    return Ranks(
        n=len(scores),
        average=dict(zip(models, ranks.mean(axis=0).tolist(), strict=True)),
        friedman_p=1.0 if tied else float(friedmanchisquare(*scores.T).pvalue),
        critical_difference=critical_difference(len(models), len(scores)),
    )


def critical_difference(models: int, cases: int) -> float:
    """Return Nemenyi's critical difference of average ranks at the level .05."""
    quantile = float(studentized_range.ppf(0.95, models, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(models * (models + 1) / (6 * cases))


def alike(ranks: Ranks) -> list[tuple[float, float]]:
    """Return the longest runs of average ranks within the critical difference, as (best, worst) rank."""
    ordered = sorted(ranks.average.values())
    ends = [max(rank for rank in ordered if rank - first < ranks.critical_difference) for first in ordered]
    runs = [(first, end) for first, end in zip(ordered, ends, strict=True) if end > first]
    return runs[:1] + [later for earlier, later in pairwise(runs) if later[1] > earlier[1]]
