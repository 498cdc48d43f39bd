"""Signed ranks, Holm, seeds and average ranks against published examples and plain enumeration."""

import itertools
import math
import statistics

import numpy as np
import pytest
from scipy.stats import chi2

from medse.compare.ranks import Ranks, alike, critical_difference, holm, rank_models, signed_rank
from medse.compare.verdicts import Cohort, Training, seed_sd

# Hollander & Wolfe (1973), depression scale before and after tranquillizer; R's wilcox.test gives V = 40.
BEFORE = np.array([1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30])
AFTER = np.array([0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29])


def test_published_signed_rank() -> None:
    found = signed_rank(BEFORE - AFTER)
    assert found.p == pytest.approx(0.0390625)
    assert (found.n, found.direction, found.p_smallest) == (9, 1, 2 / 2**9)
    mirrored = signed_rank(AFTER - BEFORE)
    assert (mirrored.p, mirrored.direction) == (found.p, -1)


def test_ties_and_zeros_agree_with_every_choice_of_signs() -> None:
    differences = np.array([0.1, 0.1, -0.1, 0.2, 0.2, 0.3, 0.5, 0.0, 0.0])
    sizes = [2, 2, 2, 4.5, 4.5, 6, 7]  # ranks of the seven that are not zero
    sums = [
        sum(r for r, s in zip(sizes, signs, strict=True) if s)
        for signs in itertools.product([0, 1], repeat=7)
    ]
    seen = sum(sizes) - 2
    exact = 2 * sum(one >= seen for one in sums) / len(sums)
    assert signed_rank(differences).p == pytest.approx(exact)


@pytest.mark.parametrize(
    ("differences", "n", "p"), [([0.0] * 20, 0, 1), ([], 0, math.nan), ([1e-17, 0.3], 1, 1)]
)
def test_zeros_and_nothing(differences: list[float], n: int, p: float) -> None:
    found = signed_rank(np.array(differences))
    assert found.n == n
    assert found.p == pytest.approx(p, nan_ok=True)


def test_holm_example() -> None:
    """The worked example of step-down correction: .005, .01, .03, .04."""
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.01, math.nan, 0.6, 0.7])), [0.03, math.nan, 1, 1])


def test_critical_differences_of_demsar() -> None:
    table = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    for k, quantile in enumerate(table, start=2):
        assert critical_difference(k, 14) == pytest.approx(quantile * math.sqrt(k * (k + 1) / 84), abs=1e-3)


def friedman(ranks: list[float], cases: int) -> float:
    """Friedman's chi-squared from average ranks without ties, as Demšar (2006) writes it."""
    k = len(ranks)
    return 12 * cases / (k * (k + 1)) * (sum(rank**2 for rank in ranks) - k * (k + 1) ** 2 / 4)


def test_average_ranks_and_friedman() -> None:
    assert friedman([3.143, 2.000, 2.893, 1.964], 14) == pytest.approx(9.28, abs=0.01)  # his example
    scores = np.random.default_rng(2).normal([0, 1, 0.2, 1], size=(14, 4))
    expected = [float(np.mean([(row > row[k]).sum() + 1 for row in scores])) for k in range(4)]
    found = rank_models(("a", "b", "c", "d"), scores, higher_is_better=True)
    assert found is not None
    assert list(found.average.values()) == pytest.approx(expected)
    assert found.friedman_p == pytest.approx(chi2.sf(friedman(expected, 14), 3))
    assert (found.n, found.critical_difference) == (14, pytest.approx(1.25, abs=0.005))  # his example again
    mirrored = rank_models(("a", "b", "c", "d"), scores, higher_is_better=False)
    assert mirrored is not None
    assert list(mirrored.average.values()) == pytest.approx([5 - rank for rank in expected])


def test_equal_models_share_their_rank_and_two_have_none() -> None:
    found = rank_models(("a", "b", "c"), np.ones((5, 3)), higher_is_better=True)
    assert found is not None
    assert set(found.average.values()) == {2.0}
    assert found.friedman_p == 1
    assert rank_models(("a", "b"), np.ones((5, 2)), higher_is_better=True) is None


@pytest.mark.parametrize(
    ("averages", "bars"),
    [
        ([1.0, 1.5, 3.0, 3.4], [(1.0, 1.5), (3.0, 3.4)]),
        ([1.0, 1.8, 2.6, 3.0], [(1.0, 1.8), (1.8, 2.6), (2.6, 3.0)]),
        ([1.0, 1.2, 1.4, 4.0], [(1.0, 1.4)]),
        ([1.0, 2.5, 4.0], []),
    ],
)
def test_bars_join_what_is_not_told_apart(averages: list[float], bars: list[tuple[float, float]]) -> None:
    ranks = Ranks(
        n=9,
        average={str(k): rank for k, rank in enumerate(averages)},
        friedman_p=0.1,
        critical_difference=0.9,
    )
    assert alike(ranks) == bars


def test_seed_sd_is_pooled_within_models() -> None:
    means = {"a": [0.80, 0.83, 0.82], "b": [0.5, 0.6], "c": [0.1]}
    empty = np.zeros((4, 1), dtype=bool)
    cohort = Cohort(
        ("x",), tuple("pqrs"), empty,
        tuple(Training(name, np.full((4, 1), mean), empty) for name, of in means.items() for mean in of),
        (0,),
    )  # fmt: skip
    cohort.trainings[0].scores[3] = math.inf  # a case that counts in no training of its model
    expected = math.sqrt((2 * statistics.variance(means["a"]) + statistics.variance(means["b"])) / 3)
    assert seed_sd(cohort.columns()[1], cohort) == pytest.approx(expected)
