"""Whether probabilities mean what they say: calibration error, Brier score and log loss."""

import numpy as np

from medse.arrays import FloatArray, IndexArray
from medse.metrics.classification import ratio

BINS = 15
"""Of equal width, as is usual for the calibration error."""
LEAST = float(np.finfo(np.float64).eps)
"""What a probability counts as in the log loss where it is lower."""


def bin_of(confidence: FloatArray, bins: int) -> IndexArray:
    """Return which bin of equal width each is in: bin k holds ``(k/bins, (k+1)/bins]``, the first one 0 as well.

    Shape:
        ``(n,)`` in and out.
    """
    return np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)


def calibration_bins(
    confidence: FloatArray, correct: FloatArray, weights: FloatArray, bins: int = BINS
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return how many cases each bin has, their mean confidence and the share of them that is correct.

    Shape:
        Two ``(n,)`` and weights ``(*, n)`` in, ``(*, bins)`` each out; means of an empty bin are NaN.
    """
    member = np.eye(bins)[bin_of(confidence, bins)]
    count = weights @ member
    return (
        count,
        ratio(weights @ (member * confidence[:, None]), count),
        ratio(weights @ (member * correct[:, None]), count),
    )


def calibration_error(
    confidence: FloatArray, correct: FloatArray, weights: FloatArray, bins: int = BINS
) -> FloatArray:
    """Return the mean over cases of ``|share correct - mean confidence|`` of their bin.

    Args:
        confidence: Probability of what is predicted.
        correct: 1 where the prediction is right, else 0.

    Shape:
        Two ``(n,)`` and weights ``(*, n)`` in, ``(*,)`` out.

    Reference:
        Guo, Pleiss, Sun and Weinberger (2017), On calibration of modern neural networks, equation 3.
    """
    member = np.eye(bins)[bin_of(confidence, bins)]
    gaps = weights @ (member * (correct - confidence)[:, None])
    return ratio(np.abs(gaps).sum(axis=-1), weights.sum(axis=-1))


def brier_losses(reference: IndexArray, probabilities: FloatArray) -> FloatArray:
    """Return (probability - 1 or 0)² of every case and class; summed over classes it is the Brier score of a case.

    Shape:
        ``(n,)`` and ``(n, K)`` in, ``(n, K)`` out.

    Reference:
        Brier (1950), Monthly Weather Review 78(1), equation 2.
    """
    return (probabilities - np.eye(probabilities.shape[1])[reference]) ** 2


def log_losses(reference: IndexArray, probabilities: FloatArray) -> FloatArray:
    """Return -ln of the probability of the reference, which counts as :data:`LEAST` where it is lower.

    Shape:
        ``(n,)`` and ``(n, K)`` in, ``(n,)`` out.
    """
    of_reference = probabilities[np.arange(len(reference)), reference]
    return -np.log(np.maximum(of_reference, LEAST))
