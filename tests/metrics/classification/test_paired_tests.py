"""McNemar's test and the z test of two shares, against scipy, other tests and by hand; net benefit by a loop."""

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2_contingency

from medse.metrics.classification.net_benefit import net_benefit
from medse.metrics.classification.paired_tests import mcnemar, two_proportions


def right(both, first, second, neither):
    """Whether two classifiers are right, in as many cases of each kind."""
    return (
        np.array([True] * (both + first) + [False] * (second + neither)),
        np.array([True] * both + [False] * first + [True] * second + [False] * neither),
    )


def test_mcnemar_by_hand():
    """(|25 - 15| - 1)² / 40 = 2.025, as published with mlxtend's ``mcnemar``, p = .1547."""
    found = mcnemar(*right(9945, 25, 15, 15))
    assert (found.only_first, found.only_second) == (25, 15)
    assert found.chi2 == pytest.approx(2.025, abs=1e-12)
    assert found.chi2_p == pytest.approx(0.154728923485, abs=1e-10)
    assert found.chi2_p == pytest.approx(math.erfc(math.sqrt(2.025 / 2)), abs=1e-12)


@pytest.mark.parametrize(("first", "second"), [(1, 9), (5, 5), (0, 3), (12, 4)])
def test_mcnemar_exact_is_both_tails_of_the_binomial(first, second):
    found = mcnemar(*right(20, first, second, 7))
    tail = binom.cdf(min(first, second), first + second, 0.5)
    assert found.exact_p == pytest.approx(min(1, 2 * tail), abs=1e-12)


def test_mcnemar_of_equal_classifiers():
    found = mcnemar(*right(5, 0, 0, 3))
    assert found.exact_p == 1
    assert math.isnan(found.chi2)
    assert mcnemar(*right(5, 2, 2, 3)).chi2 == 0


def test_two_proportions_is_the_root_of_pearsons_chi2():
    z, p = two_proportions(301, 283, 306, 306)
    expected = chi2_contingency([[301, 5], [283, 23]], correction=False)
    assert z**2 == pytest.approx(expected.statistic, abs=1e-12)
    assert p == pytest.approx(expected.pvalue, abs=1e-12)
    assert z > 0
    assert two_proportions(283, 301, 306, 306)[0] == pytest.approx(-z)
    assert two_proportions(5, 5, 5, 5) == (0, 1)


def test_net_benefit_equals_a_loop():
    rng = np.random.default_rng(1)
    positive, probability = rng.random(60) < 0.4, np.round(rng.random(60), 1)
    thresholds = np.array([0.0, 0.1, 0.5, 0.8])
    for t, ours in zip(thresholds, net_benefit(positive, probability, thresholds), strict=True):
        gained = sum(
            1 if is_it else -t / (1 - t) for is_it, p in zip(positive, probability, strict=True) if p >= t
        )
        assert ours == pytest.approx(gained / 60, abs=1e-12)
