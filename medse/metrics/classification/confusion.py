"""Counts of cases by reference and prediction, and the shares that follow from them."""

from dataclasses import dataclass

import numpy as np

from medse.arrays import BoolArray, FloatArray, IndexArray
from medse.metrics.classification import ratio


def confusion_matrix(
    reference: IndexArray, predicted: IndexArray, classes: int, weights: FloatArray
) -> FloatArray:
    """Count cases by reference and prediction.

    Shape:
        Two ``(n,)`` of class indices and weights ``(*, n)`` in, ``(*, classes, classes)`` out: reference, prediction.
    """
    cells = np.zeros((len(reference), classes * classes))
    cells[np.arange(len(reference)), reference * classes + predicted] = 1
    return (weights @ cells).reshape(*weights.shape[:-1], classes, classes)


def accuracy(confusion: FloatArray) -> FloatArray:
    """Return the share of cases on the diagonal. Shape: ``(*, K, K)`` in, ``(*,)`` out."""
    return ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def balanced_accuracy(confusion: FloatArray, present: BoolArray) -> FloatArray:
    """Return the mean sensitivity over the classes that are ``present`` in the references; NaN if one was not drawn.

    Shape:
        ``(*, K, K)`` and ``(K,)`` in, ``(*,)`` out.
    """
    sensitivity = ratio(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1))
    mean: FloatArray = sensitivity[..., present].mean(axis=-1)
    return mean


@dataclass(frozen=True)
class Counts:
    """A class against the rest: cases by reference and prediction, ``(*,)`` each, or ``(*, K)`` for K classes."""

    true_positives: FloatArray
    false_positives: FloatArray
    false_negatives: FloatArray
    true_negatives: FloatArray

    @property
    def sensitivity(self) -> FloatArray:
        """Share of the class that is predicted as it."""
        return ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def specificity(self) -> FloatArray:
        """Share of the rest that is not predicted as the class."""
        return ratio(self.true_negatives, self.true_negatives + self.false_positives)

    @property
    def ppv(self) -> FloatArray:
        """Share of what is predicted as the class that is of it: the positive predictive value, or precision."""
        return ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def npv(self) -> FloatArray:
        """Share of what is not predicted as the class that is not of it: the negative predictive value."""
        return ratio(self.true_negatives, self.true_negatives + self.false_negatives)


def count_against_rest(positive: BoolArray, called: BoolArray, weights: FloatArray) -> Counts:
    """Count the cases that are (``positive``) and that are taken for (``called``) a class, or each of K classes.

    Shape:
        Two ``(n,)`` or ``(n, K)`` and weights ``(*, n)`` in.
    """
    kinds = (positive & called, ~positive & called, positive & ~called, ~positive & ~called)
    return Counts(*(weights @ kind.astype(np.float64) for kind in kinds))
