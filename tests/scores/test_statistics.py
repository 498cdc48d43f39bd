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


@pytest.mark.parametrize("undefined", [math.nan, math.inf])
def test_undefined_values_are_left_out(undefined):
    """DeepMind's distance to an empty mask is infinite and has no mean."""
    holed = np.insert(VALUES, [0, 7], undefined)
    assert summarise(holed, ["x", *ALONE[:7], "y", *ALONE[7:]]) == summarise(VALUES, ALONE)


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
