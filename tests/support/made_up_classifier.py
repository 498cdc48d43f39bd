"""Scores of a classifier made up for the tests of its page."""

import numpy as np

from medse.config.classification_scoring import ClassificationEvaluation
from medse.evaluate.classifier_numbers import (
    calibration_numbers,
    class_numbers,
    confusion_counts,
    estimate_all,
    overall_numbers,
)
from medse.metrics.classification.measures import Classified
from medse.scores.classification import CaseRow, ClassificationScores, ClassificationSettings


def guesses(references, classes, seed=0, gain=2.0):
    """Probabilities ``(n, K)`` that favour the reference."""
    logits = np.random.default_rng(seed).normal(size=(len(references), len(classes)))
    logits[np.arange(len(references)), [classes.index(name) for name in references]] += gain
    raised = np.exp(logits)
    return raised / raised.sum(axis=1, keepdims=True)


def collect_classified(
    references, probabilities, classes, *, groups=None, cases=None, images=None, slices=None, **more
):
    """Scores of these cases, as ``medse evaluate`` collects them; ``more`` replaces fields and settings."""
    n, options = len(references), more.pop("options", ClassificationEvaluation())
    cases = cases or [f"c{k:03}" for k in range(n)]
    groups = groups or cases
    classified = Classified(np.array([classes.index(name) for name in references]), np.asarray(probabilities))
    estimates = estimate_all(classified, groups, options.threshold)
    settings = {
        "references": "r", "predictions": "p", "cases_file": None, "threshold": options.threshold,
        "calibration_bins": 15, "grouped": len(set(groups)) < n, "interval_method": "bootstrap",
        "interval_level": 0.95, "interval_resamples": 10_000, "interval_seed": 1,
    }  # fmt: skip
    rows = [
        CaseRow(
            case=cases[k], group=groups[k], image=images[k] if images else "", reference=references[k],
            slice=slices[k] if slices else None, fold=more.get("fold", ""),
            predicted=classes[int(np.argmax(probabilities[k]))], probabilities=tuple(map(float, probabilities[k])),
        )
        for k in range(n)
    ]  # fmt: skip
    more.pop("fold", None)
    return ClassificationScores(
        created="2025-01-01T00:00:00+00:00",
        versions={"numpy": "2"},
        settings=ClassificationSettings(**settings | more.pop("settings", {})),
        n=n,
        groups=len(set(groups)),
        classes=class_numbers(classified, groups, classes, estimates, options),
        overall=overall_numbers(estimates),
        confusion=confusion_counts(classified),
        calibration=calibration_numbers(classified),
        rows=tuple(rows),
        **more,
    )
