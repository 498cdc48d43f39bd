"""Conventions side by side."""

import math

import pytest

from medse.report.tables import convention_scores, lines_by_class, lines_over_classes
from medse.scores.scores import ConventionRow
from tests.support.made_up_scores import collect, row


@pytest.fixture
def scores():
    rows = [
        row("a", "x", 0.4, hd95_mm=2.0), row("a", "y", 0.6, hd95_mm=6.0),
        row("b", "x", math.nan, hd95_mm=math.nan), row("b", "y", 0.8, hd95_mm=math.inf),
    ]  # fmt: skip
    beside = tuple(
        ConventionRow(case=one.case, label=one.label, convention=name, dice=dice, hd95_mm=far)
        for one, dice, far in zip(rows, (0.4, 0.6, 1.0, 0.8), (2.0, math.inf, math.nan, 4.0), strict=True)
        for name in ("medpy", "nnunet")
    )
    beside = tuple(
        other.model_copy(update={"hd95_mm": None}) if other.convention == "nnunet" else other
        for other in beside
    )
    return collect(rows, beside=beside)


def test_means_are_over_finite_values_and_the_others_are_counted(scores):
    lines = lines_by_class(scores)
    assert [(line.label, line.convention) for line in lines] == [
        (label, name) for label in "xy" for name in ("medse", "medpy", "nnunet")
    ]
    own, medpy = lines[3].means, lines[1].means
    assert (own["hd95_mm"].mean, own["hd95_mm"].n, own["hd95_mm"].infinite) == (6.0, 1, 1)
    assert medpy["dice"].mean == pytest.approx(0.7)
    assert (medpy["hd95_mm"].n, medpy["hd95_mm"].undefined) == (1, 1)
    assert set(convention_scores(scores)) == {"dice", "hd95_mm"}


def test_over_classes_the_means_are_averaged_and_the_counts_added(scores):
    medse, medpy, nnunet = lines_over_classes(lines_by_class(scores))
    assert medse.means["dice"].mean == pytest.approx((0.4 + 0.7) / 2)
    assert (medse.means["dice"].n, medse.means["dice"].undefined) == (3, 1)
    assert medpy.means["hd95_mm"].mean == pytest.approx((2.0 + 4.0) / 2)
    assert (medpy.means["hd95_mm"].undefined, medpy.means["hd95_mm"].infinite) == (1, 1)
    assert "hd95_mm" not in nnunet.means
