"""References and probabilities of the same cases -> all numbers of the report, with their intervals."""

from collections.abc import Mapping, Sequence

import numpy as np

from medse.arrays import FloatArray
from medse.config.classification_scoring import ClassificationEvaluation
from medse.metrics.classification.calibration import BINS, calibration_bins
from medse.metrics.classification.confusion import Counts
from medse.metrics.classification.delong import delong, delong_interval
from medse.metrics.classification.measures import Classified, Measures
from medse.metrics.classification.net_benefit import net_benefit
from medse.metrics.classification.ranking import thin
from medse.scores.classification import (
    CalibrationBin,
    ClassResult,
    Curve,
    Decision,
    DecisionCurve,
    DeLong,
    Estimate,
    Overall,
)
from medse.scores.resampling import case_weights, percentile_interval

MOST_POINTS = 400
"""Points of a curve that are kept."""
THRESHOLDS: FloatArray = np.arange(1, 100) / 100
"""Of the decision curve."""
_SHARES = ("sensitivity", "specificity", "ppv", "npv")
_OF_CLASS = ("auc", "average_precision", "brier_by_class")
_MOST_PROBABLE, _AT_THRESHOLD = "most_probable", "at_threshold"


def estimate_all(
    classified: Classified, groups: Sequence[str], threshold: float
) -> dict[str, list[Estimate]]:
    """Return every measure that has an interval: name -> its estimate, or that of each class.

    Args:
        groups: The group of each case.
        threshold: From which on a case is called of a class.
    """
    values = _measures(classified.once(), threshold)
    resampled = [_measures(Measures(classified, w), threshold) for w in case_weights(groups)]
    found = {}
    for name, once in values.items():
        drawn = (
            np.concatenate([one[name] for one in resampled]) if resampled else np.empty((0, once.shape[1]))
        )
        found[name] = [_estimate(once[0, k], drawn[:, k]) for k in range(once.shape[1])]
    return found


def overall_numbers(estimates: Mapping[str, Sequence[Estimate]]) -> Overall:
    """Return the measures of all classes together."""
    return Overall(**{name: estimates[name][0] for name in Overall.model_fields})


def class_numbers(
    classified: Classified,
    groups: Sequence[str],
    labels: Sequence[str],
    estimates: Mapping[str, Sequence[Estimate]],
    options: ClassificationEvaluation,
) -> tuple[ClassResult, ...]:
    """Return what is said of each class against the rest."""
    once, names = classified.once(), np.asarray(groups)
    decisions = {
        _MOST_PROBABLE: once.most_probable,
        _AT_THRESHOLD: once.at_threshold(options.threshold),
    }
    return tuple(
        ClassResult(
            label=label,
            n=int(classified.positive[:, k].sum()),
            groups=len(np.unique(names[classified.positive[:, k]])),
            predicted=int(classified.most_probable[:, k].sum()),
            auc=estimates["auc"][k],
            auc_delong=_delong(classified, k),
            average_precision=estimates["average_precision"][k],
            brier=estimates["brier_by_class"][k],
            roc=_curve(*classified.rankings[k].roc()),
            precision_recall=_curve(*classified.rankings[k].precision_recall()),
            decision_curve=_decision_curve(classified, k) if options.decision_curve else None,
            **{rule: _decision(counts, k, rule, estimates) for rule, counts in decisions.items()},
        )
        for k, label in enumerate(labels)
    )


def confusion_counts(classified: Classified) -> tuple[tuple[int, ...], ...]:
    """Return cases by reference (outer) and most probable class (inner)."""
    return tuple(tuple(map(int, row)) for row in classified.once().confusion[0])


def calibration_numbers(classified: Classified) -> tuple[CalibrationBin, ...]:
    """Return the bins of the highest probability."""
    found = calibration_bins(classified.confidence, classified.correct, np.ones(classified.n))
    return tuple(
        CalibrationBin(
            low=k / BINS, high=(k + 1) / BINS, n=int(count), confidence=float(mean), accuracy=float(right)
        )
        for k, (count, mean, right) in enumerate(zip(*found, strict=True))
    )


def _measures(measures: Measures, threshold: float) -> dict[str, FloatArray]:
    """Return every measure as ``(b, 1)``, or ``(b, K)`` for each class."""
    found = {name: getattr(measures, name)[:, None] for name in Overall.model_fields}
    found |= {name: getattr(measures, name) for name in _OF_CLASS}
    for rule, counts in (
        (_MOST_PROBABLE, measures.most_probable),
        (_AT_THRESHOLD, measures.at_threshold(threshold)),
    ):
        found |= {f"{rule} {share}": getattr(counts, share) for share in _SHARES}
    return found


def _estimate(value: float, drawn: FloatArray) -> Estimate:
    low, high = percentile_interval(drawn)
    return Estimate(value=float(value), low_95=low, high_95=high, undefined=int(np.isnan(drawn).sum()))


def _delong(classified: Classified, k: int) -> DeLong:
    auc, covariance = delong(classified.positive[:, k], classified.probabilities[None, :, k])
    variance = float(covariance[0, 0])
    low, high = delong_interval(float(auc[0]), variance)
    return DeLong(standard_error=float(np.sqrt(variance)), low_95=low, high_95=high)


def _decision(counts: Counts, k: int, rule: str, estimates: Mapping[str, Sequence[Estimate]]) -> Decision:
    return Decision(
        true_positives=int(counts.true_positives[0, k]),
        false_positives=int(counts.false_positives[0, k]),
        false_negatives=int(counts.false_negatives[0, k]),
        true_negatives=int(counts.true_negatives[0, k]),
        **{share: estimates[f"{rule} {share}"][k] for share in _SHARES},
    )


def _curve(x: FloatArray, y: FloatArray) -> Curve:
    """Return points of a curve; none where it is undefined."""
    if np.isnan([x[-1], y[-1]]).any():
        return Curve(x=(), y=())
    x, y = thin(x, y, MOST_POINTS)
    return Curve(x=tuple(x.tolist()), y=tuple(y.tolist()))


def _decision_curve(classified: Classified, k: int) -> DecisionCurve:
    positive = classified.positive[:, k]
    by_model, by_all = (
        net_benefit(positive, probability, THRESHOLDS)
        for probability in (classified.probabilities[:, k], np.ones(classified.n))
    )
    x = tuple(THRESHOLDS.tolist())
    return DecisionCurve(
        model=Curve(x=x, y=tuple(by_model.tolist())), every=Curve(x=x, y=tuple(by_all.tolist()))
    )
