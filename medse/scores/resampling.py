"""Groups drawn with replacement, as weights of their cases, and the interval of what is computed from them."""

from collections.abc import Iterator, Sequence

import numpy as np

from medse.arrays import FloatArray
from medse.scores.statistics import LEVEL, RESAMPLES, SEED

WEIGHTS_METHOD = {
    True: "percentile bootstrap, groups drawn whole",
    False: "percentile bootstrap, every image by itself",
}
"""How resamples are drawn: where several images share a group, and where none do."""
_AT_ONCE = 1 << 20
"""Weights that are in memory at the same time."""


def case_weights(groups: Sequence[str], resamples: int = RESAMPLES, seed: int = SEED) -> Iterator[FloatArray]:
    """Yield how often each case is drawn, some resamples at a time; none where there are fewer than two groups.

    The groups drawn are those of :func:`medse.scores.statistics.summarise`, so that a mean has the same interval.

    Args:
        groups: The group of each case; a case id where every case stands alone.

    Shape:
        ``(some, n)`` each, ``resamples`` rows in all.
    """
    names, code = np.unique(np.asarray(groups), return_inverse=True)
    count = len(names)
    if count < 2:
        return
    generator = np.random.default_rng(seed)
    rows = max(1, _AT_ONCE // max(count, len(code)))
    for start in range(0, resamples, rows):
        some = min(rows, resamples - start)
        chosen = generator.integers(0, count, (some, count)) + count * np.arange(some)[:, None]
        times = np.bincount(chosen.ravel(), minlength=some * count).reshape(some, count)
        yield times[:, code].astype(np.float64)


def percentile_interval(values: FloatArray) -> tuple[float, float]:
    """Return the ends between which the middle 95 % of the defined values lie; NaN without any.

    Shape:
        ``(resamples,)`` in.
    """
    defined = values[np.isfinite(values)]
    if not len(defined):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
