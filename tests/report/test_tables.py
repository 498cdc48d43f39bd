"""The lines of the tables of lesions and of conventions."""

import math

import pytest

from medse.report.tables import (
    MOST_LESIONS,
    convention_scores,
    lines_by_class,
    lines_over_classes,
    worst_lesions,
)
from medse.scores.scores import ConventionRow, LesionRow
from tests.support.made_up_scores import collect, row


def lesion(side, number, outcome, partner=None, dice=0.0, ml=1.0, case="a"):
    known = {"case": case, "label": "met", "side": side, "lesion": number, "outcome": outcome}
    return LesionRow(**known, partner=partner, dice=dice, volume_ml=ml)


def test_unmatched_come_first_by_size_then_pairs_by_dice():
    rows = (
        lesion("reference", 1, "matched", 2, 0.9, 5.0), lesion("reference", 2, "false negative", ml=0.1),
        lesion("reference", 3, "matched", 1, 0.4, 4.0), lesion("prediction", 1, "matched", 3, 0.4, 3.0),
        lesion("prediction", 2, "matched", 1, 0.9, 2.0), lesion("prediction", 3, "false positive", ml=0.7),
        lesion("prediction", 1, "false positive", ml=0.3, case="b"),
    )  # fmt: skip
    lines, count = worst_lesions(collect([row("a", "met", 0.5), row("b", "met", 0.5)], lesions=rows))
    assert count == 5
    sides = [[side and side.lesion for side in (line.reference, line.prediction)] for line in lines]
    assert [(line.case, line.outcome, *of) for line, of in zip(lines, sides, strict=True)] == [
        ("a", "false positive", None, 3), ("b", "false positive", None, 1), ("a", "false negative", 2, None),
        ("a", "matched", 3, 1), ("a", "matched", 1, 2),
    ]  # fmt: skip
    assert (lines[3].reference.volume_ml, lines[3].prediction.volume_ml, lines[3].dice) == (4.0, 3.0, 0.4)


def test_the_table_is_limited():
    rows = tuple(lesion("reference", k, "false negative", ml=float(k)) for k in range(1, MOST_LESIONS + 5))
    lines, count = worst_lesions(collect([row("a", "met", 0.5)], lesions=rows))
    assert (len(lines), count) == (MOST_LESIONS, MOST_LESIONS + 4)
    assert lines[0].reference.lesion == MOST_LESIONS + 4


@pytest.fixture
def scores():
    rows = [
        row("a", "x", 0.4, hd95_mm=2.0), row("a", "y", 0.6, hd95_mm=6.0),
        row("b", "x", math.nan, hd95_mm=math.nan), row("b", "y", 0.8, hd95_mm=math.inf),
    ]  # fmt: skip
    beside = tuple(
        ConventionRow(case=one.case, label=one.label, convention=name, dice=dice, hd95_mm=mm)
        for one, dice, far in zip(rows, (0.4, 0.6, 1.0, 0.8), (2.0, math.inf, math.nan, 4.0), strict=True)
        for name, mm in (("medpy", far), ("nnunet", None))
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
