"""All measures of one classifier on one set of cases, for any number of weights at once."""

from functools import cached_property

import numpy as np

from medse.arrays import FloatArray, IndexArray
from medse.metrics.classification.calibration import brier_losses, calibration_error, log_losses
from medse.metrics.classification.confusion import (
    Counts,
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    count_against_rest,
)
from medse.metrics.classification.ranking import Ranking


class Classified:
    """References and probabilities of the same cases, and what follows from them whatever the weights.

    Args:
        reference: Index of the class of each case.
        probabilities: Of every class; the first of the highest is predicted.

    Shape:
        ``(n,)`` and ``(n, K)``.
    """

    def __init__(self, reference: IndexArray, probabilities: FloatArray) -> None:
        self.reference, self.probabilities = reference, probabilities
        self.n, self.classes = probabilities.shape
        self.predicted: IndexArray = np.asarray(probabilities.argmax(axis=1), dtype=np.int64)
        self.positive = reference[:, None] == np.arange(self.classes)
        self.most_probable = self.predicted[:, None] == np.arange(self.classes)
        self.present = self.positive.any(axis=0)
        """Classes that a case has."""
        self.ranked = self.present & ~self.positive.all(axis=0)
        """Classes that some cases have and others have not."""
        self.confidence: FloatArray = probabilities.max(axis=1)
        self.correct = (self.predicted == reference).astype(np.float64)
        self.rankings = [Ranking(self.positive[:, k], probabilities[:, k]) for k in range(self.classes)]
        self.brier_losses = brier_losses(reference, probabilities)
        self.log_losses = log_losses(reference, probabilities)

    def once(self) -> "Measures":
        """Return the measures with every case counting once. Shape: they are ``(1,)`` and ``(1, K)``."""
        return Measures(self, np.ones((1, self.n)))


class Measures:
    """The measures of a classifier, each computed when it is asked for.

    Means over classes are over those of which the measure is defined with every case counting once, and NaN where one
    of these was not drawn.

    Args:
        weights: How often each case counts.

    Shape:
        Weights ``(b, n)``; measures are ``(b,)``, those of each class ``(b, K)``.
    """

    def __init__(self, classified: Classified, weights: FloatArray) -> None:
        self.classified, self.weights = classified, weights

    @cached_property
    def confusion(self) -> FloatArray:
        """Cases by reference and prediction. Shape: ``(b, K, K)``."""
        of = self.classified
        return confusion_matrix(of.reference, of.predicted, of.classes, self.weights)

    @property
    def accuracy(self) -> FloatArray:
        """Share of cases predicted right."""
        return accuracy(self.confusion)

    @property
    def balanced_accuracy(self) -> FloatArray:
        """Mean sensitivity over classes."""
        return balanced_accuracy(self.confusion, self.classified.present)

    @cached_property
    def _ranks(self) -> tuple[FloatArray, FloatArray]:
        found = [ranking.measures(self.weights) for ranking in self.classified.rankings]
        auc, precision = (np.stack(one, axis=-1) for one in zip(*found, strict=True))
        return auc, precision

    @property
    def auc(self) -> FloatArray:
        """Area under the ROC curve of each class against the rest."""
        return self._ranks[0]

    @property
    def average_precision(self) -> FloatArray:
        """Average precision of each class against the rest."""
        return self._ranks[1]

    @property
    def macro_auc(self) -> FloatArray:
        """Mean AUC over classes."""
        return _mean(self.auc[:, self.classified.ranked])

    @property
    def macro_average_precision(self) -> FloatArray:
        """Mean average precision over classes."""
        return _mean(self.average_precision[:, self.classified.present])

    @property
    def brier_by_class(self) -> FloatArray:
        """Mean of (probability - 1 or 0)² of each class."""
        return self._weighted(self.classified.brier_losses)

    @property
    def brier(self) -> FloatArray:
        """Mean over cases of the sum of it over classes."""
        return self._weighted(self.classified.brier_losses.sum(axis=1))

    @property
    def log_loss(self) -> FloatArray:
        """Mean of -ln of the probability of the reference."""
        return self._weighted(self.classified.log_losses)

    @property
    def calibration_error(self) -> FloatArray:
        """Mean distance between confidence and accuracy, over bins of the confidence."""
        return calibration_error(self.classified.confidence, self.classified.correct, self.weights)

    @cached_property
    def most_probable(self) -> Counts:
        """Each class against the rest, where the most probable one is predicted."""
        return count_against_rest(self.classified.positive, self.classified.most_probable, self.weights)

    def at_threshold(self, threshold: float) -> Counts:
        """Each class against the rest, where it is called if its probability is at least ``threshold``."""
        called = self.classified.probabilities >= threshold
        return count_against_rest(self.classified.positive, called, self.weights)

    def _weighted(self, losses: FloatArray) -> FloatArray:
        total = self.weights.sum(axis=1)
        mean: FloatArray = self.weights @ losses / (total if losses.ndim == 1 else total[:, None])
        return mean


def _mean(of_classes: FloatArray) -> FloatArray:
    """Return the mean over classes; NaN without any. Shape: ``(b, classes)`` in, ``(b,)`` out."""
    if not of_classes.shape[1]:
        return np.full(len(of_classes), np.nan)
    mean: FloatArray = of_classes.mean(axis=1)
    return mean
