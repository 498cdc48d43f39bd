"""The ledger of empty masks, on a table small enough to do by hand."""

import math

import numpy as np
import pytest

from medse.scores.summaries import count_empty_masks

NAN = math.nan
# cases:            a    b    c    d
DICE = np.array([[0.8, 0.6, 0.0, NAN], [0.5, 0.0, NAN, NAN]]).T
NO_REFERENCE = np.array([[0, 0, 0, 1], [0, 1, 1, 1]], bool).T
NO_PREDICTION = np.array([[0, 0, 1, 1], [0, 0, 1, 1]], bool).T


def test_counts():
    first, second, together = count_empty_masks(DICE, NO_REFERENCE, NO_PREDICTION, [0, 1])
    assert (first.both_empty, first.false_negatives, first.false_positives) == (1, 1, 0)
    assert (second.both_empty, second.false_negatives, second.false_positives) == (2, 0, 1)
    assert (together.both_empty, together.false_negatives, together.false_positives) == (3, 1, 1)


def test_mean_dice_by_rule():
    first, second, together = count_empty_masks(DICE, NO_REFERENCE, NO_PREDICTION, [0, 1])
    assert first.mean_dice == pytest.approx(
        {"medse": 1.4 / 3, "both_empty_is_1": 2.4 / 4, "reference_empty_left_out": 1.4 / 3}
    )
    assert second.mean_dice == pytest.approx(
        {"medse": 0.25, "both_empty_is_1": 2.5 / 4, "reference_empty_left_out": 0.5}
    )
    assert together.mean_dice == pytest.approx(
        {
            "medse": (0.65 + 0.3 + 0.0) / 3,
            "both_empty_is_1": (0.65 + 0.3 + 0.5 + 1.0) / 4,
            "reference_empty_left_out": (0.65 + 0.6 + 0.0) / 3,
        }
    )


def test_a_class_that_never_occurs_has_no_mean():
    empty = np.ones((3, 1), bool)
    only, _ = count_empty_masks(np.full((3, 1), NAN), empty, empty, [0])
    assert only.both_empty == 3
    assert math.isnan(only.mean_dice["medse"])
    assert only.mean_dice["both_empty_is_1"] == 1.0


@pytest.mark.parametrize("theirs", [1.0, NAN])
def test_what_a_convention_makes_of_empty_masks_is_no_matter(theirs):
    """MedPy gives two empty masks 1 and MONAI an empty reference NaN; the rules are applied to medse's numbers."""
    either = NO_REFERENCE | NO_PREDICTION
    assert repr(
        count_empty_masks(np.where(either, theirs, DICE), NO_REFERENCE, NO_PREDICTION, [0, 1])
    ) == repr(count_empty_masks(DICE, NO_REFERENCE, NO_PREDICTION, [0, 1]))
