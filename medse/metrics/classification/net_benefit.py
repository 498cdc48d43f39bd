"""Decision curve: what acting on a probability is worth, by the probability from which on one acts."""

from medse.arrays import BoolArray, FloatArray


def net_benefit(positive: BoolArray, probability: FloatArray, thresholds: FloatArray) -> FloatArray:
    """Return true positives minus false positives weighted by the odds of the threshold, over all cases.

    A case is called where its probability is at least the threshold. Calling every case is ``probability`` of ones;
    calling none is 0.

    Args:
        thresholds: Between 0 and 1, without 1.

    Shape:
        Two ``(n,)`` and ``(t,)`` in, ``(t,)`` out.

    Reference:
        Vickers and Elkin (2006), Medical Decision Making 26(6), the formula of net benefit.
    """
    called = probability >= thresholds[:, None]
    hits, alarms = (called & positive).sum(axis=1), (called & ~positive).sum(axis=1)
    benefit: FloatArray = (hits - alarms * thresholds / (1 - thresholds)) / len(positive)
    return benefit
