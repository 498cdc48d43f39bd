"""Ranks of three or more models over the same cases, after Demšar (2006)."""

import math
from itertools import pairwise

import numpy as np
from scipy.stats import friedmanchisquare, rankdata, studentized_range

from medse.arrays import FloatArray
from medse.scores.rows import Record
from medse.scores.statistics import Number


class Ranks(Record):
    """Says how the models rank on average.

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

    Args:
        models: Names, in the order of the columns.
        scores: ``(cases, models)``, all defined.
        higher_is_better: Whether a high score is a good one.
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
