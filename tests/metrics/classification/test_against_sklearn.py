"""Every measure equals scikit-learn's, with ties and with weights; the calibration error equals a loop."""

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from medse.metrics.classification.calibration import (
    brier_losses,
    calibration_bins,
    calibration_error,
    log_losses,
)
from medse.metrics.classification.confusion import (
    accuracy,
    balanced_accuracy,
    confusion_matrix,
    count_against_rest,
)
from medse.metrics.classification.ranking import Ranking, thin

EXACT = 1e-12


def made(seed, n=150, classes=3, decimals=None):
    """References and probabilities of which some are equal, 0 and 1."""
    rng = np.random.default_rng(seed)
    reference = rng.integers(0, classes, n)
    reference[:classes] = np.arange(classes)
    probabilities = rng.dirichlet(np.full(classes, 0.5), n)
    probabilities[np.arange(n), reference] += 0.5
    probabilities[:4] = np.eye(classes)[rng.integers(0, classes, 4)]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    if decimals is not None:
        probabilities = np.round(probabilities, decimals)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    return reference, probabilities, rng.integers(0, 4, (2, n)).astype(float)


CASES = [(seed, classes, decimals) for seed in range(2) for classes in (2, 3, 5) for decimals in (None, 1)]


@pytest.mark.parametrize(("seed", "classes", "decimals"), CASES)
def test_measures(seed, classes, decimals):
    reference, probabilities, drawn = made(seed, classes=classes, decimals=decimals)
    predicted = probabilities.argmax(axis=1)
    weights = np.concatenate([np.ones((1, len(reference))), drawn])
    confusion = confusion_matrix(reference, predicted, classes, weights)
    loss, brier = log_losses(reference, probabilities), brier_losses(reference, probabilities)
    rankings = [Ranking(reference == k, probabilities[:, k]).measures(weights) for k in range(classes)]
    for row, w in enumerate(weights):
        assert np.array_equal(confusion[row], sk.confusion_matrix(reference, predicted, sample_weight=w))
        assert accuracy(confusion)[row] == pytest.approx(
            sk.accuracy_score(reference, predicted, sample_weight=w), abs=EXACT
        )
        assert balanced_accuracy(confusion, np.full(classes, True))[row] == pytest.approx(
            sk.balanced_accuracy_score(reference, predicted, sample_weight=w), abs=EXACT
        )
        assert np.average(loss, weights=w) == pytest.approx(
            sk.log_loss(reference, probabilities, sample_weight=w), abs=EXACT
        )
        for k in range(classes):
            positive, score = reference == k, probabilities[:, k]
            auc, precision = (found[row] for found in rankings[k])
            assert auc == pytest.approx(sk.roc_auc_score(positive, score, sample_weight=w), abs=EXACT)
            assert precision == pytest.approx(
                sk.average_precision_score(positive, score, sample_weight=w), abs=EXACT
            )
            assert np.average(brier[:, k], weights=w) == pytest.approx(
                sk.brier_score_loss(positive, score, sample_weight=w), abs=EXACT
            )
            counts = count_against_rest(positive, score >= 0.5, weights)
            assert counts.sensitivity[row] == pytest.approx(
                sk.recall_score(positive, score >= 0.5, sample_weight=w), abs=EXACT
            )
            assert counts.specificity[row] == pytest.approx(
                sk.recall_score(~positive, score < 0.5, sample_weight=w), abs=EXACT
            )
            assert counts.ppv[row] == pytest.approx(
                sk.precision_score(positive, score >= 0.5, sample_weight=w), abs=EXACT
            )
            assert counts.npv[row] == pytest.approx(
                sk.precision_score(~positive, score < 0.5, sample_weight=w), abs=EXACT
            )
    if classes > 2:
        assert np.mean([found[0][0] for found in rankings]) == pytest.approx(
            sk.roc_auc_score(reference, probabilities, multi_class="ovr"), abs=EXACT
        )
        assert brier.sum(axis=1).mean() == pytest.approx(
            sk.brier_score_loss(reference, probabilities, scale_by_half=False), abs=EXACT
        )


@pytest.mark.parametrize(("seed", "classes", "decimals"), CASES)
def test_curves(seed, classes, decimals):
    reference, probabilities, _ = made(seed, classes=classes, decimals=decimals)
    positive, score = reference == 1, probabilities[:, 1]
    ranking = Ranking(positive, score)
    alarms, hits, _ = sk.roc_curve(positive, score, drop_intermediate=False)
    precision, recall, _ = sk.precision_recall_curve(positive, score)
    roc, ours = ranking.roc(), ranking.precision_recall()
    for mine, theirs in ((roc, (alarms, hits)), (ours, (recall, precision))):
        for x, y in zip(*mine, strict=True):
            assert np.any((abs(theirs[0] - x) < EXACT) & (abs(theirs[1] - y) < EXACT))
    assert [*roc[0][[0, -1]], *roc[1][[0, -1]]] == [0, 1, 0, 1]
    assert [*ours[0][[0, -1]], ours[1][0]] == [0, 1, 1]
    assert len(roc[0]) <= len(sk.roc_curve(positive, score)[0])
    assert np.trapezoid(roc[1], roc[0]) == pytest.approx(sk.roc_auc_score(positive, score), abs=EXACT)
    assert (np.diff(ours[0]) * ours[1][1:]).sum() == pytest.approx(
        sk.average_precision_score(positive, score), abs=EXACT
    )


@pytest.mark.parametrize(("seed", "classes", "decimals"), CASES)
def test_calibration_error_equals_a_loop(seed, classes, decimals):
    reference, probabilities, drawn = made(seed, classes=classes, decimals=decimals)
    confidence, predicted = probabilities.max(axis=1), probabilities.argmax(axis=1)
    correct = (predicted == reference).astype(float)
    for w, ours in zip(drawn, calibration_error(confidence, correct, drawn), strict=True):
        error = 0.0
        for k in range(15):
            within = (confidence > k / 15) & (confidence <= (k + 1) / 15)
            if w[within].sum():
                gap = np.average(correct[within], weights=w[within]) - np.average(
                    confidence[within], weights=w[within]
                )
                error += w[within].sum() / w.sum() * abs(gap)
        assert ours == pytest.approx(error, abs=EXACT)


def test_bins_are_open_below_and_closed_above():
    confidence = np.array([0.0, 1 / 15, np.nextafter(1 / 15, 1), 0.5, 1.0])
    count, mean, right = calibration_bins(confidence, np.array([0.0, 1, 1, 0, 1]), np.ones(5))
    assert count.tolist() == [2, 1, *[0] * 5, 1, *[0] * 6, 1]
    assert (right[0], mean[7], right[14]) == (0.5, 0.5, 1)
    assert np.isnan(mean[3])
    assert np.isnan(right[3])


def test_a_probability_of_zero_for_the_reference():
    reference, probabilities = np.array([0, 1, 1]), np.array([[0.0, 1.0], [0.5, 0.5], [0.0, 1.0]])
    assert log_losses(reference, probabilities).mean() == pytest.approx(
        sk.log_loss(reference, probabilities), abs=EXACT
    )


def test_undefined_without_a_case_of_a_kind():
    nobody, everybody, scores = np.zeros(4, bool), np.ones(4, bool), np.array([0.1, 0.2, 0.2, 0.9])
    auc, precision = Ranking(nobody, scores).measures(np.ones((1, 4)))
    assert np.isnan(auc)
    assert np.isnan(precision)
    auc, precision = Ranking(everybody, scores).measures(np.ones((1, 4)))
    assert np.isnan(auc)
    assert precision == 1
    positive = np.array([True, False, True, False])
    auc, _ = Ranking(positive, scores).measures(np.array([[1.0, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]]))
    assert np.isnan(auc[:2]).all()
    assert auc[2] == 0.125
    counts = count_against_rest(nobody, scores > 1, np.ones(4))
    assert np.isnan([counts.sensitivity, counts.ppv]).all()
    assert (counts.specificity, counts.npv) == (1, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(
            balanced_accuracy(confusion_matrix(np.array([0]), np.array([0]), 2, np.ones(1)), np.full(2, True))
        )


def test_thinned_curves_keep_their_ends_and_points_of_the_curve():
    rng = np.random.default_rng(0)
    x, y = (np.sort(rng.random(5000)) for _ in range(2))
    fewer = thin(x, y, 300)
    assert 250 < len(fewer[0]) <= 302
    assert (fewer[0][0], fewer[1][-1]) == (x[0], y[-1])
    assert set(zip(*map(list, fewer), strict=True)) <= set(zip(x.tolist(), y.tolist(), strict=True))
    assert np.trapezoid(fewer[1], fewer[0]) == pytest.approx(np.trapezoid(y, x), abs=1e-4)
    assert len(thin(x[:300], y[:300], 300)[0]) == 300
