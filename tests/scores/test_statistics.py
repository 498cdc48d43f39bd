"""Summaries against the standard library, and intervals against a bootstrap written out."""

import math
import statistics

import numpy as np
import pytest
import scipy.stats

from medse.scores import statistics as module
from medse.scores.statistics import Summary, finite_mean, group_means, summarise

VALUES = np.random.default_rng(3).beta(8, 2, 30)
ALONE = [str(k) for k in range(30)]


def test_agrees_with_the_standard_library():
    summary = summarise(VALUES, ALONE)
    plain = VALUES.tolist()
    assert summary.n == 30
    assert summary.mean == pytest.approx(statistics.fmean(plain))
    assert summary.sd == pytest.approx(statistics.stdev(plain))
    quartiles = statistics.quantiles(plain, n=4, method="inclusive")
    assert [summary.q1, summary.median, summary.q3] == pytest.approx(quartiles)
    assert summary.minimum == min(plain)


def test_interval_agrees_with_a_bootstrap_written_out():
    rng = np.random.default_rng(99)
    means = [VALUES[rng.integers(0, 30, 30)].mean() for _ in range(20_000)]
    summary = summarise(VALUES, ALONE)
    assert [summary.low_95, summary.high_95] == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.002)


def test_cases_of_one_patient_are_drawn_together():
    """Repeating every case five times adds no information when the copies share a group."""
    alone = summarise(VALUES, ALONE)
    copies, groups = np.repeat(VALUES, 5), [group for group in ALONE for _ in range(5)]
    together = summarise(copies, groups)
    assert [together.low_95, together.high_95] == pytest.approx([alone.low_95, alone.high_95])
    naive = summarise(copies, [str(k) for k in range(150)])
    assert naive.high_95 - naive.low_95 < 0.6 * (alone.high_95 - alone.low_95)


def test_interval_over_groups_agrees_with_a_bootstrap_written_out():
    """Patients of one to six cases, the larger ones worse, drawn whole; every case counts the same."""
    rng = np.random.default_rng(5)
    patients = [rng.normal(0.9 - 0.06 * k, 0.02, 1 + k % 6) for k in range(12)]
    means = [np.concatenate([patients[i] for i in rng.integers(0, 12, 12)]).mean() for _ in range(20_000)]
    groups = [str(k) for k, scores in enumerate(patients) for _ in scores]
    summary = summarise(np.concatenate(patients), groups)
    assert [summary.low_95, summary.high_95] == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=0.005)


def test_undefined_values_are_left_out():
    holed = np.insert(VALUES, [0, 7], math.nan)
    assert summarise(holed, ["x", *ALONE[:7], "y", *ALONE[7:]]) == summarise(VALUES, ALONE)


def test_the_same_scores_give_the_same_interval():
    assert summarise(VALUES, ALONE) == summarise(VALUES, ALONE)


@pytest.mark.parametrize(("values", "groups"), [([0.5], ["a"]), ([0.4, 0.6], ["a", "a"])])
def test_no_interval_from_a_single_group(values, groups):
    summary = summarise(np.array(values), groups)
    assert summary.mean == 0.5
    assert math.isnan(summary.low_95)
    assert math.isnan(summary.high_95)


def test_one_case_has_no_sd_and_none_has_nothing():
    assert math.isnan(summarise(np.array([0.5]), ["a"]).sd)
    nothing = summarise(np.array([math.nan]), ["a"])
    assert nothing.n == 0
    assert all(math.isnan(value) for name, value in nothing if name != "n")


def test_undefined_survives_json():
    summary = summarise(np.array([0.5]), ["a"])
    text = summary.model_dump_json()
    assert '"sd":null' in text
    np.testing.assert_equal(Summary.model_validate_json(text).model_dump(), summary.model_dump())


def test_finite_mean_agree_with_nanmean():
    table = np.array([[0.5, math.nan, 0.7], [0.1, 0.2, 0.3]])
    np.testing.assert_allclose(finite_mean(table), np.nanmean(table, axis=1))
    assert math.isnan(finite_mean(np.array([[math.nan, math.nan]]))[0])


def test_a_group_counts_by_the_mean_of_its_defined_cases():
    values = np.array([0.5, math.nan, 0.7, 0.1, math.nan, 0.9])
    means, names = group_means(values, ["q", "q", "p", "q", "r", "p"])
    assert names == ["p", "q", "r"]
    np.testing.assert_allclose(means, [0.8, 0.3, math.nan])


def test_infinity_is_left_out_like_what_is_undefined():
    """DeepMind's distance to an empty mask has no mean."""
    holed = np.insert(VALUES, [0, 7], math.inf)
    assert summarise(holed, ["x", *ALONE[:7], "y", *ALONE[7:]]) == summarise(VALUES, ALONE)


@pytest.mark.parametrize("groups", [2, 7, 40])
def test_interval_is_that_of_scipy(groups):
    values = np.random.default_rng(groups).normal(size=40)
    names = [f"group {k % groups:02}" for k in range(40)]
    sums, sizes = (np.bincount([k % groups for k in range(40)], weights=w) for w in (values, np.ones(40)))
    expected = scipy.stats.bootstrap(
        (sums, sizes), lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis), paired=True, vectorized=True,
        n_resamples=module.RESAMPLES, method="percentile", rng=np.random.default_rng(module.SEED),
    ).confidence_interval  # fmt: skip
    found = summarise(values, names)
    assert (found.low_95, found.high_95) == pytest.approx((expected.low, expected.high), rel=1e-12)
