"""Temperature scaling: one number that makes probabilities mean what they say."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax

from medse.arrays import FloatArray, IndexArray

BOUNDS = (0.05, 20.0)
"""Temperatures that are looked at."""


def with_temperature(logits: FloatArray, temperature: float) -> FloatArray:
    """Return the probabilities of logits divided by a temperature, averaged over views.

    Shape:
        ``(views, n, K)`` in, ``(n, K)`` out.
    """
    found: FloatArray = softmax(logits / temperature, axis=-1).mean(axis=0)
    return found


def fit_temperature(logits: FloatArray, reference: IndexArray) -> float:
    """Return the temperature with the smallest mean negative log-likelihood of the references.

    It must be fitted on cases that the network was not trained on; the class that is the most probable changes only
    where views disagree.

    Args:
        logits: Of every view, case and class.
        reference: Index of the class of each case.

    Shape:
        ``(views, n, K)`` and ``(n,)``.

    Reference:
        Guo, Pleiss, Sun, Weinberger, On Calibration of Modern Neural Networks (ICML 2017), section 4.2.
    """
    cases = np.arange(len(reference))

    def loss(logarithm: float) -> float:
        logs = logits / np.exp(logarithm)
        logs = (logs - logsumexp(logs, axis=-1, keepdims=True))[:, cases, reference]
        return float(-(logsumexp(logs, axis=0) - np.log(len(logs))).mean())

    low, high = np.log(BOUNDS)
    return float(
        np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-6}).x)
    )
