"""The bootstrap over groups: the same draws as for segmentation, whole groups, and none where there is one."""

import numpy as np
import pytest

from medse.scores import resampling
from medse.scores.resampling import case_weights, percentile_interval
from medse.scores.statistics import summarise


def test_a_mean_has_the_interval_of_the_other_reports():
    rng = np.random.default_rng(1)
    values, groups = rng.random(40), [f"g{k % 13}" for k in range(40)]
    means = np.concatenate([w @ values / w.sum(axis=1) for w in case_weights(groups)])
    summary = summarise(values, groups)
    assert len(means) == 10_000
    assert percentile_interval(means) == pytest.approx((summary.low_95, summary.high_95), abs=1e-12)


def test_groups_are_drawn_whole_and_in_parts_as_at_once(monkeypatch):
    groups = ["a", "b", "a", "c"]
    (at_once,) = case_weights(groups, resamples=50, seed=3)
    assert np.array_equal(at_once[:, 0], at_once[:, 2])
    assert (at_once[:, [0, 1, 3]].sum(axis=1) == 3).all()
    monkeypatch.setattr(resampling, "_AT_ONCE", 30)
    parts = list(case_weights(groups, resamples=50, seed=3))
    assert len(parts) > 1
    assert np.array_equal(np.concatenate(parts), at_once)


def test_one_group_has_no_interval():
    assert list(case_weights(["a", "a"])) == []
    assert np.isnan(percentile_interval(np.array([]))).all()
    assert percentile_interval(np.array([np.nan, 1.0, 1.0])) == (1, 1)
