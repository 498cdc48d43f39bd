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
        ``(n,)`` each; weights of the methods are ``(*, n)``.
    """

    def __init__(self, positive: BoolArray, scores: FloatArray) -> None:
        self.order: IndexArray = np.argsort(scores, kind="stable")
        ordered = scores[self.order]
        self.positive = positive[self.order]
        self.last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
        """Position of the last of each run of equal scores."""
        self.levels: FloatArray = ordered[self.last]

    def counts(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how many cases of the class, and how many others, have at most each level's score.

        Shape:
            ``(*, levels)`` each.
        """
        ordered = np.take(weights, self.order, axis=-1)
        every = np.cumsum(ordered, axis=-1)[..., self.last]
        ordered *= self.positive
        of_class = np.cumsum(ordered, axis=-1)[..., self.last]
        return of_class, every - of_class

    def measures(self, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return AUC and average precision.

        AUC is the share of pairs (of the class, other) in which the one of the class has the higher score, a tie
        counting one half. Average precision is the sum over levels, from the highest, of the precision of calling
        all from that level on, times what it adds to the recall. Both are NaN without a case of the class; AUC also
        without another.

        Shape:
            ``(*,)`` each.
        """
        of_class, others = self.counts(weights)
        total, rest = of_class[..., -1], others[..., -1]
        here, others_here = (np.diff(count, axis=-1, prepend=0) for count in (of_class, others))
        auc = ratio((here * (others - others_here / 2)).sum(axis=-1), total * rest)
        hits = total[..., None] - of_class + here
        called = hits + rest[..., None] - others + others_here
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        return auc, ratio((here * precision).sum(axis=-1), total)

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
        of_class, others = self.counts(np.ones(len(self.order)))
        below = (np.append(0.0, count[:-1]) for count in (of_class, others))
        hits, alarms = (
            np.append(0.0, count[-1] - less[::-1])
            for count, less in zip((of_class, others), below, strict=True)
        )
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
