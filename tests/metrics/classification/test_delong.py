"""DeLong's variances equal the definition, and what pROC publishes of its example."""

import math

import numpy as np
import pytest

from medse.metrics.classification.delong import delong, delong_interval, delong_test

CASES = 41
"""Patients with a poor outcome, who come first; 72 with a good one follow."""
WFNS = """
    2 1 3 4 4 4 4 1 4 1 0 1 4 3 3 1 4 4 4 1 4 1 4 1 3 4 3 3 0 3 3 1 1 4 4 1 1 4 4 4 4 0 0 0 0 4
    0 1 1 0 1 1 0 0 0 1 0 1 0 0 2 3 0 3 0 4 4 0 0 1 3 0 0 1 1 0 1 0 1 1 0 0 0 0 1 0 1 0 0 2 1 3
    1 0 3 0 0 4 3 1 1 0 0 0 2 0 1 1 3 3 0 0 0
"""
S100B = """
    8 5 11 7 25 30 28 2 19 4 2 23 21 27 30 15 30 30 30 2 30 17 0 4 13 30 15 30 3 15 8 5 6 13 30
    9 30 18 30 30 25 8 9 5 1 26 12 5 5 1 3 1 4 6 2 12 2 6 8 12 1 11 9 20 4 29 26 11 2 24 26 6 3
    4 3 1 8 5 9 10 1 1 4 1 4 3 11 4 3 19 6 16 2 5 18 2 1 14 22 5 10 3 9 5 2 1 12 10 26 12 10 29
    27
"""
"""Both markers of pROC's aSAH patients as ranks: what the placements in its tests (``delongPlacementsCpp``) say of
their order, which is all that DeLong's method looks at."""


def by_definition(positive, scores):
    """Equations 4 to 6 of DeLong et al., pair by pair."""
    placed = []
    for one in scores:
        pairs = [[1.0 if x > y else 0.5 if x == y else 0.0 for y in one[~positive]] for x in one[positive]]
        placed.append(([float(np.mean(row)) for row in pairs], np.mean(pairs, axis=0).tolist()))
    auc = [float(np.mean(of_class)) for of_class, _ in placed]

    def shared(side, i, j):
        first, second = placed[i][side], placed[j][side]
        products = [(a - auc[i]) * (b - auc[j]) for a, b in zip(first, second, strict=True)]
        return sum(products) / (len(first) - 1) / len(first)

    count = len(scores)
    return np.array(auc), np.array(
        [[shared(0, i, j) + shared(1, i, j) for j in range(count)] for i in range(count)]
    )


@pytest.mark.parametrize("levels", [4, 10**6])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_definition(seed, levels):
    rng = np.random.default_rng(seed)
    positive = rng.random(70) < 0.3
    scores = rng.integers(0, levels, (3, 70)) + rng.integers(0, levels, 70) * positive
    for ours, theirs in zip(
        delong(positive, scores.astype(float)), by_definition(positive, scores), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-14)


def test_what_proc_publishes():
    """``ci.auc`` and ``roc.test`` of pROC's manual: AUC .8237 and .7314 (.6301 to .8326), Z = 2.209, p = .02718."""
    scores = np.array([WFNS.split(), S100B.split()], dtype=np.float64)
    auc, covariance = delong(np.arange(113) < CASES, scores)
    assert auc == pytest.approx([0.8236789, 0.7313686], abs=5e-8)
    assert delong_interval(auc[1], covariance[1, 1]) == pytest.approx((0.6301182, 0.8326189), abs=5e-8)
    z, p = delong_test(auc, covariance)
    assert (round(z, 3), round(p, 5)) == (2.209, 0.02718)


def test_a_perfect_order_has_no_interval():
    auc, covariance = delong(np.array([True, True, False, False]), np.array([[3.0, 4, 1, 2]]))
    assert auc == 1
    assert all(map(math.isnan, delong_interval(1.0, covariance[0, 0])))


@pytest.mark.filterwarnings("error")
def test_undefined():
    positive = np.array([True, False, False])
    scores = np.array([[1.0, 0, 2], [2, 1, 1]])
    auc, covariance = delong(positive, scores)
    assert auc.tolist() == [0.5, 1]
    assert np.isnan(covariance).all()
    assert all(map(math.isnan, delong_test(auc, covariance)))
    assert np.isnan(delong(np.zeros(3, bool), scores)[0]).all()


def test_the_same_model_twice():
    scores = np.random.default_rng(0).random(30)
    assert delong_test(*delong(scores > 0.4, np.array([scores, scores]))) == (0, 1)


def test_the_interval_stays_between_0_and_1():
    assert delong_interval(0.99, 0.01)[1] == 1
    assert delong_interval(0.01, 0.01)[0] == 0
