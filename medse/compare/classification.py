"""Two or more reports of classifiers on the same cases -> paired statistics, and a verdict by each score."""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import numpy as np

from medse.arrays import FloatArray
from medse.compare.classification_page import render_classifiers
from medse.compare.classification_reading import ClassifierReport, classified, read_classifier_reports
from medse.compare.classification_result import (
    COMPARED,
    AucTest,
    BesideTests,
    ClassificationComparison,
    ClassifierModel,
    ClassifierScore,
    ClassifierSource,
    ScorePair,
    write_classification_comparison,
)
from medse.compare.compare import PAGE
from medse.compare.ranks import holm
from medse.compare.result import Verdict
from medse.compare.verdicts import ALPHA
from medse.files import given_path, refuse_existing, refuse_inside, write_text
from medse.metrics.classification.delong import delong, delong_test
from medse.metrics.classification.measures import Classified, Measures
from medse.metrics.classification.paired_tests import mcnemar, two_proportions
from medse.registry import check_arguments
from medse.scores.resampling import case_weights, percentile_interval
from medse.scores.statistics import RESAMPLES, SEED
from medse.versions import installed_versions

PACKAGES = ("medse", "numpy", "scipy")
Trainings = Mapping[str, Sequence[Classified]]
"""Model -> its trainings."""


@check_arguments()
def compare_classifiers(models: Sequence[str], out: str | Path) -> ClassificationComparison:
    """Compare classifiers on the same cases; write ``comparison.html``, ``.json`` and ``.csv`` into ``out``.

    Accuracy, balanced accuracy and macro AUC decide, each by the paired bootstrap over groups of its difference.

    Args:
        models: Folders in which ``medse evaluate`` scored a classifier, each as ``folder`` or ``name=folder``. The
            same name several times makes them trainings of one model that differ only in their seed.
        out: Folder to write to; must be absent or empty and lie outside the others.

    Raises:
        InputError: ``out`` is not empty, a folder cannot be read, or the reports are not about the same cases,
            classes, groups and references.

    Example:
        >>> from medse.evaluate.classification import evaluate_predictions
        >>> for name in ("one", "other"):
        ...     scores = evaluate_predictions("pictures", "classifier/out_of_fold", name)
        >>> len(compare_classifiers(["one", "other"], "classifier_comparison").sources)
        2
    """
    out = given_path(out)
    refuse_existing(out, "give another output folder (--out) or remove it")
    reports = read_classifier_reports(models)
    for report in reports:
        refuse_inside(out, report.folder)
    first = reports[0].scores
    groups = [row.group for row in first.rows]
    names = tuple(dict.fromkeys(report.model for report in reports))
    trainings = {
        name: [classified(report, first.labels) for report in reports if report.model == name]
        for name in names
    }
    comparison = ClassificationComparison(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=installed_versions(PACKAGES),
        n=first.n,
        groups=first.groups,
        naive=first.groups < first.n,
        classes=first.labels,
        sources=tuple(_source(report) for report in reports),
        models=tuple(_model(name, its) for name, its in trainings.items()),
        rows=compare_scores(trainings, groups),
        beside=tuple(
            beside_tests(one, other, trainings[one][0], trainings[other][0], first.labels)
            for one, other in combinations(names, 2)
        ),
        seed_degrees=len(reports) - len(names),
        resamples=RESAMPLES,
        seed=SEED,
    )
    write_classification_comparison(out, comparison)
    write_text(out / PAGE, render_classifiers(comparison, reports))
    return comparison


def compare_scores(trainings: Trainings, groups: Sequence[str]) -> tuple[ScorePair, ...]:
    """Compare every pair of models by every score that decides.

    Args:
        trainings: Of the same cases, all in the same order.
        groups: The group of each case.
    """
    once = {name: [_scores(one.once()) for one in its] for name, its in trainings.items()}
    drawn: dict[str, list[FloatArray]] = {name: [] for name in trainings}
    for weights in case_weights(groups):
        for name, its in trainings.items():
            drawn[name].append(np.mean([_scores(Measures(one, weights)) for one in its], axis=0))
    resampled = {name: np.concatenate(some) if some else np.empty((0, 3)) for name, some in drawn.items()}
    rows = [
        _pair(score, k, one, other, once, resampled[one][:, k] - resampled[other][:, k], groups)
        for k, score in enumerate(COMPARED)
        for one, other in combinations(trainings, 2)
    ]
    repeated = any(len(its) > 1 for its in trainings.values())
    corrected = holm(np.array([row.p for row in rows]))
    return tuple(_judge(row, float(p), seeds=repeated) for row, p in zip(rows, corrected, strict=True))


def bootstrap_p(differences: FloatArray) -> float:
    """Return twice the smaller share of resampled differences on one side of 0, or on it; NaN without any.

    The difference itself counts as a resample on both sides, so that no p is 0.

    Reference:
        Davison and Hinkley (1997), Bootstrap Methods and their Application, chapter 4: ``(1 + count) / (1 + R)``.
    """
    defined = differences[np.isfinite(differences)]
    if not len(defined):
        return math.nan
    fewer = min(int((defined <= 0).sum()), int((defined >= 0).sum()))
    return min(1.0, 2 * (fewer + 1) / (len(defined) + 1))


def beside_tests(
    first: str, second: str, one: Classified, other: Classified, labels: Sequence[str]
) -> BesideTests:
    """Return the tests that take cases for independent: McNemar's, of two proportions, and DeLong's by class."""
    paired = mcnemar(one.correct == 1, other.correct == 1)
    z, p = two_proportions(int(one.correct.sum()), int(other.correct.sum()), one.n, other.n)
    return BesideTests(
        first=first,
        second=second,
        only_first=paired.only_first,
        only_second=paired.only_second,
        mcnemar_exact_p=paired.exact_p,
        mcnemar_chi2=paired.chi2,
        mcnemar_chi2_p=paired.chi2_p,
        proportions_z=z,
        proportions_p=p,
        delong=tuple(_auc_test(label, k, one, other) for k, label in enumerate(labels)),
    )


def _auc_test(label: str, k: int, one: Classified, other: Classified) -> AucTest:
    probabilities = np.stack([one.probabilities[:, k], other.probabilities[:, k]])
    auc, covariance = delong(one.positive[:, k], probabilities)
    z, p = delong_test(auc, covariance)
    return AucTest(label=label, auc_first=float(auc[0]), auc_second=float(auc[1]), z=z, p=p)


def _scores(measures: Measures) -> FloatArray:
    """Return the scores that decide. Shape: ``(b, 3)``."""
    return np.stack([getattr(measures, score) for score in COMPARED], axis=1)


def _pair(
    score: ClassifierScore,
    k: int,
    first: str,
    second: str,
    once: Mapping[str, Sequence[FloatArray]],
    differences: FloatArray,
    groups: Sequence[str],
) -> ScorePair:
    of_trainings = {name: np.array([one[0, k] for one in its]) for name, its in once.items()}
    mean_first, mean_second = float(of_trainings[first].mean()), float(of_trainings[second].mean())
    low, high = percentile_interval(differences)
    fewer = min(len(of_trainings[first]), len(of_trainings[second]))
    return ScorePair(
        score=score,
        first=first,
        second=second,
        n=len(groups),
        groups=len(set(groups)),
        mean_first=mean_first,
        mean_second=mean_second,
        difference=mean_first - mean_second,
        low_95=low,
        high_95=high,
        p=bootstrap_p(differences),
        seed_floor=2 * _seed_sd(of_trainings) * math.sqrt(2 / fewer),
        undefined=int(np.isnan(differences).sum()),
    )


def _seed_sd(of_trainings: Mapping[str, FloatArray]) -> float:
    """Return the sd between trainings of one model, pooled over the models; NaN where none was trained twice."""
    degrees = sum(len(one) - 1 for one in of_trainings.values())
    squares = sum(float(((one - one.mean()) ** 2).sum()) for one in of_trainings.values())
    return math.sqrt(squares / degrees) if degrees else math.nan


def _judge(row: ScorePair, p_holm: float, *, seeds: bool) -> ScorePair:
    """Fill in the verdict; ``seeds`` says whether the seed floor is a condition."""
    conditions = {
        "p": p_holm < ALPHA,
        "interval": row.low_95 > 0 or row.high_95 < 0,
        "seeds": not seeds or abs(row.difference) > row.seed_floor,
    }
    not_met = ", ".join(name for name, holds in conditions.items() if not holds)
    side: Verdict = "better" if row.difference > 0 else "worse"
    verdict = "not distinguishable" if not_met else side
    return row.model_copy(update={"p_holm": p_holm, "verdict": verdict, "not_met": not_met})


def _model(name: str, trainings: Sequence[Classified]) -> ClassifierModel:
    scores = np.concatenate([_scores(one.once()) for one in trainings])
    return ClassifierModel(
        name=name, **{score: tuple(scores[:, k].tolist()) for k, score in enumerate(COMPARED)}
    )


def _source(report: ClassifierReport) -> ClassifierSource:
    scores = report.scores
    return ClassifierSource(
        model=report.model,
        folder=report.folder.resolve().name,
        created=scores.created,
        medse=scores.versions.get("medse", "unknown"),
        split=scores.split,
        duplicates=None if scores.duplicates is None else len(scores.duplicates),
    )
