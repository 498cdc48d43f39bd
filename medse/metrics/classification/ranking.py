"""How well the probability of a class ranks its cases before the others: AUC, average precision and their curves."""

import numpy as np

from medse.arrays import BoolArray, FloatArray, IndexArray
from medse.metrics.classification import ratio


class Ranking:
    """The cases of one class against the rest, ordered once by their scores, for any number of weights.

    Args:
        positive: Which cases are of the class.
        scores: The higher, the more likely of the class; equal ones are ties.

    Shape:
        ``(n,)`` each.
    """

    def __init__(self, positive: BoolArray, scores: FloatArray) -> None:
        self.order: IndexArray = np.argsort(scores, kind="stable")
        self.positive = positive[self.order]
        ends = np.append(np.diff(scores[self.order]) != 0, True)
        self.last: IndexArray = np.flatnonzero(ends)
        """Place in the order of the last of each run of equal scores: a level."""
        first = np.append(0, self.last[:-1] + 1)
        held = np.add.reduceat(self.positive, first, dtype=np.int64)
        of_class = np.cumsum(held)[held > 0] - held[held > 0]
        self._levels = first[held > 0], self.last[held > 0], of_class

    def measures(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return AUC and average precision.

        AUC is the share of pairs (of the class, other) in which the one of the class has the higher score, a tie
        counting one half. Average precision is the sum over levels, from the highest, of the precision of calling
        all from that level on, times what it adds to the recall. Both are NaN without a case of the class; AUC also
        without another.

        Args:
            weights: How often each case counts.

        Shape:
            ``(b, n)`` in, ``(b,)`` each out.
        """
        first, last, of_class = self._levels
        if not len(first):
            return np.full(len(weights), np.nan), np.full(len(weights), np.nan)
        ordered = np.take(weights, self.order, axis=1)
        here = np.add.reduceat(
            ordered[:, self.positive], of_class, axis=1
        )  # of the class, at each of its levels
        up_to = np.zeros((len(weights), len(self.order) + 1))
        np.cumsum(ordered, axis=1, out=up_to[:, 1:])
        below, until = up_to[:, first], up_to[:, last + 1]
        total, every = here.sum(axis=1), up_to[:, -1]
        hits = np.cumsum(here, axis=1)
        # Others below a level and half of those at it: (below - (hits - here) + until - hits) / 2.
        pairs = np.einsum("bl,bl->b", here, below + until + here - 2 * hits) / 2
        called = every[:, None] - below
        precision = np.divide(total[:, None] - hits + here, called, out=np.zeros_like(here), where=called > 0)
        recalled = np.einsum("bl,bl->b", here, precision)
        return ratio(pairs, total * (every - total)), ratio(recalled, total)

    def roc(self) -> tuple[FloatArray, FloatArray]:
        """Return 1 - specificity and sensitivity from (0, 0) to (1, 1), without points on a straight line."""
        hits, alarms = self._called()
        turns = (np.diff(hits, 2) != 0) | (np.diff(alarms, 2) != 0)
        kept = np.concatenate([[True], turns, [True]])
        return _share(alarms)[kept], _share(hits)[kept]

    def precision_recall(self) -> tuple[FloatArray, FloatArray]:
        """Return recall and precision from (0, 1) to recall 1; of equal recalls the first and the last point."""
        hits, alarms = self._called()
        rises = np.diff(hits) != 0
        kept = np.append(False, rises | np.append(rises[1:], True))
        precision = ratio(hits, hits + alarms)[kept]
        return np.append(0.0, _share(hits)[kept]), np.append(1.0, precision)

    def _called(self) -> tuple[FloatArray, FloatArray]:
        """Return how many of the class, and others, have at least each level's score, from none to all."""
        until = [np.cumsum(kind, dtype=np.float64)[self.last] for kind in (self.positive, ~self.positive)]
        hits, alarms = (np.append(0, count[-1] - np.append(0, count[:-1])[::-1]) for count in until)
        return hits, alarms


def thin(x: FloatArray, y: FloatArray, most: int) -> tuple[FloatArray, FloatArray]:
    """Return at most so many points of a curve: its ends, and others at equal distances along it.

    Shape:
        ``(n,)`` each.
    """
    if len(x) <= most:
        return x, y
    along = np.append(0.0, np.cumsum(np.hypot(np.diff(x), np.diff(y))))
    kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], most)).clip(0, len(x) - 1))
    kept = np.unique([0, *kept, len(x) - 1])
    return x[kept], y[kept]


def _share(counts: FloatArray) -> FloatArray:
    return ratio(counts, counts[-1])
