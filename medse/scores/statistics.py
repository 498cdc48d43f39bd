"""What a column of per-case scores says about a method: centre, spread and a 95 % interval."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from medse.arrays import FloatArray
from medse.files import as_text

Number = Annotated[float, BeforeValidator(lambda given: math.nan if given is None else given)]
"""A float that is ``null`` in JSON where it is undefined (NaN)."""

Name = Annotated[str, AfterValidator(as_text)]
"""A text that may hold the name of a file."""

LEVEL = 0.95
METHOD = "percentile bootstrap of the mean over cases, resampled by group"
GROUP_METHOD = "percentile bootstrap of the mean over groups, each by the mean of its cases"
RESAMPLES = 10_000
SEED = 20_240
"""Fixed, so that the same scores always give the same interval."""


class Record(BaseModel):
    """Unchangeable, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Summary(Record):
    """Describes the defined values of one score.

    Attributes:
        n: Number of defined values; the others were left out.
        sd: Sample standard deviation (divisor n - 1).
        low_95: Lower end of the bootstrap interval of the mean, as ``high_95`` is its upper one.
    """

    n: int
    mean: Number
    sd: Number
    median: Number
    q1: Number
    q3: Number
    minimum: Number
    low_95: Number
    high_95: Number


def summarise(values: FloatArray, groups: Sequence[str]) -> Summary:
    """Describe the defined values; NaN entries are left out.

    The interval is the percentile bootstrap of the mean over cases. Groups (patients) are drawn with all
    their cases, because cases of one patient are not independent. With fewer than two groups it is NaN.

    Args:
        values: One value per case.
        groups: The group of each case; a case id where every case stands alone.
    """
    defined = np.isfinite(values)
    kept = values[defined]
    if not len(kept):
        return Summary(n=0, **dict.fromkeys(_FLOATS, math.nan))
    low, high = _interval(kept, [group for group, keep in zip(groups, defined, strict=True) if keep])
    q1, median, q3 = np.quantile(kept, [0.25, 0.5, 0.75])
    return Summary(
        n=len(kept),
        mean=float(kept.mean()),
        sd=float(kept.std(ddof=1)) if len(kept) > 1 else math.nan,
        median=float(median),
        q1=float(q1),
        q3=float(q3),
        minimum=float(kept.min()),
        low_95=low,
        high_95=high,
    )


def finite_mean(values: FloatArray) -> FloatArray:
    """Return the mean of the finite values along the last axis; NaN where there is none.

    Shape:
        ``(*, n)`` in, ``(*,)`` out.
    """
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    total = np.where(finite, values, 0.0).sum(axis=-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def group_means(values: FloatArray, groups: Sequence[str]) -> tuple[FloatArray, list[str]]:
    """Return the mean over the defined cases of each group, NaN where none is, and the groups in order of name."""
    names, code = np.unique(np.asarray(groups), return_inverse=True)
    members = np.where(code == np.arange(len(names))[:, None], values, np.nan)
    return finite_mean(members), names.tolist()


_FLOATS = [name for name in Summary.model_fields if name != "n"]


def _interval(values: FloatArray, groups: Sequence[str]) -> tuple[float, float]:
    names, code = np.unique(np.asarray(groups), return_inverse=True)
    if len(names) < 2:
        return math.nan, math.nan
    drawn = _draws(len(names), RESAMPLES, SEED)
    means = (drawn @ np.bincount(code, weights=values)) / (drawn @ np.bincount(code).astype(float))
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


@lru_cache(maxsize=2)
def _draws(groups: int, resamples: int, seed: int) -> FloatArray:
    """Return how often each group is drawn in each resample, the same for every score of a report.

    ``scipy.stats.bootstrap`` draws the same groups, but anew for every score, which takes sixteen times as long.

    Shape:
        ``(resamples, groups)``.
    """
    chosen = np.random.default_rng(seed).integers(0, groups, (resamples, groups))
    chosen += groups * np.arange(resamples)[:, None]
    times = np.bincount(chosen.ravel(), minlength=resamples * groups)
    return times.reshape(resamples, groups).astype(np.float64)
