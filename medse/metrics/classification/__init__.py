"""Measures of classifiers, from references, probabilities and how often each case counts.

Weights are ``(*, n)``: how often each case is drawn in each resample of a bootstrap, or ones. What a measure
divides by may be 0 in a resample; the measure is NaN there.
"""

import numpy as np

from medse.arrays import FloatArray


def ratio(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Divide; NaN where the denominator is 0."""
    share: FloatArray = np.full(np.broadcast_shapes(np.shape(numerator), np.shape(denominator)), np.nan)
    np.divide(numerator, denominator, out=share, where=np.asarray(denominator) != 0)
    return share
