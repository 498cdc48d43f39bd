"""Rows to summaries, on tables small enough to do by hand."""

import math

import numpy as np
import pytest

from medse.scores.scores import ConventionRow, DetailRow, ScoreRow
from medse.scores.statistics import summarise
from medse.scores.summaries import column, count_empty_masks, mean_classes, summarise_rows


def row(case, group, value, dice, reference_ml, prediction_ml):
    return ScoreRow(
        case=case, group=group, label=f"class {value}", value=value, dice=dice, iou=dice,
        precision=dice if prediction_ml else math.nan, recall=dice if reference_ml else math.nan,
        volume_reference_ml=reference_ml, volume_prediction_ml=prediction_ml,
    )  # fmt: skip


ROWS = [
    row("a", "p", 1, 0.8, 10.0, 12.0),
    row("a", "p", 5, math.nan, 0.0, 0.0),
    row("b", "p", 1, 0.6, 20.0, 10.0),
    row("b", "p", 5, 0.0, 0.0, 3.0),
    row("c", "q", 1, 0.0, 4.0, 0.0),
    row("c", "q", 5, 0.9, 2.0, 2.0),
]


def test_columns_are_cases_by_classes():
    np.testing.assert_equal(column(ROWS, "dice"), [[0.8, math.nan], [0.6, 0.0], [0.0, 0.9]])


def test_classes_keep_their_names_and_values():
    found = summarise_rows(ROWS)
    assert [(entry.label, entry.value) for entry in found.classes] == [("class 1", 1), ("class 5", 5)]
    assert (found.cases, found.groups) == (3, 2)


def test_mean_dice_is_over_classes_then_cases():
    found = summarise_rows(ROWS)
    assert found.mean_dice.mean == pytest.approx((0.8 + 0.3 + 0.45) / 3)
    assert found.classes[1].dice.n == 2
    assert found.classes[1].dice.mean == pytest.approx(0.45)


def test_volume_differences():
    first, second = summarise_rows(ROWS).classes
    assert first.volume_difference_ml.mean == pytest.approx((2 - 10 - 4) / 3)
    assert first.volume_difference_percent.mean == pytest.approx((20 - 50 - 100) / 3)
    assert (second.volume_difference_ml.n, second.volume_difference_ml.mean) == (
        2,
        1.5,
    )  # not the both-empty case
    assert (second.volume_difference_percent.n, second.volume_difference_percent.mean) == (1, 0.0)


def test_ledger_is_attached_to_its_class():
    found = summarise_rows(ROWS)
    assert [entry.empty_masks.false_negatives for entry in found.classes] == [1, 0]
    assert [entry.empty_masks.false_positives for entry in found.classes] == [0, 1]
    assert found.empty_masks.both_empty == 1


def test_pictures_have_no_volumes_and_keep_their_ledger():
    unmeasured = {"volume_reference_ml": math.nan, "volume_prediction_ml": math.nan}
    found = summarise_rows([entry.model_copy(update=unmeasured) for entry in ROWS])
    measured = summarise_rows(ROWS)
    assert found.empty_masks == measured.empty_masks
    assert [entry.dice for entry in found.classes] == [entry.dice for entry in measured.classes]
    assert found.classes[0].volume_difference_ml.n == 0


def distances(hd_mm):
    """The rows with a Hausdorff distance: class 1 of c is a false negative, class 5 of b a false positive."""
    return [entry.model_copy(update={"hd_mm": mm}) for entry, mm in zip(ROWS, hd_mm, strict=True)]


def test_distances_with_and_without_their_penalty():
    first, second = summarise_rows(distances([2.0, math.nan, 4.0, 90.0, 80.0, 1.0])).classes
    assert (first.hd_mm.every.n, first.hd_mm.every.mean) == (3, pytest.approx(86 / 3))
    assert (first.hd_mm.both_masks.n, first.hd_mm.both_masks.mean) == (2, 3.0)
    assert (second.hd_mm.every.n, second.hd_mm.both_masks.mean) == (2, 1.0)
    assert (first.hd95_mm, first.assd_mm, first.nsd) == (None, None, None)


def test_a_score_is_none_only_where_no_case_has_it():
    """A tolerance may be declared for one class; an infinite distance has no mean."""
    rows = [entry.model_copy(update={"iou": None}) for entry in distances([math.inf, None] * 3)]
    first, second = summarise_rows(
        [entry.model_copy(update={"nsd": 0.5}) if entry.value == 5 else entry for entry in rows]
    ).classes
    assert (first.iou, first.nsd, second.nsd.mean) == (None, None, 0.5)
    assert (first.hd_mm.every.n, second.hd_mm) == (0, None)


def test_groups_count_once():
    """Patient p has a and b, patient q has c."""
    found = summarise_rows(distances([2.0, math.nan, 4.0, 90.0, 80.0, 1.0]), unit="group")
    first, second = found.classes
    assert first.dice == summarise(np.array([0.7, 0.0]), ["p", "q"])
    assert second.dice == summarise(np.array([0.0, 0.9]), ["p", "q"])
    assert found.mean_dice == summarise(np.array([(0.8 + 0.3) / 2, 0.45]), ["p", "q"])
    assert first.volume_difference_ml.mean == pytest.approx(((2 - 10) / 2 - 4) / 2)
    assert (first.hd_mm.both_masks.n, first.hd_mm.both_masks.mean) == (1, 3.0)
    assert first.empty_masks == summarise_rows(ROWS).classes[0].empty_masks  # of cases, whatever counts once


def test_lesions_are_summed_over_cases():
    counts = {"a": (2, 3, 1, 0.4, 0.8), "b": (0, 0, 0, math.nan, math.nan), "c": (4, 1, 1, 0.4, 0.6)}
    names = ("lesions_reference", "lesions_prediction", "lesions_matched", "lesion_f1", "lesion_dice")
    details = [
        DetailRow(
            case=entry.case,
            label=entry.label,
            **(dict(zip(names, counts[entry.case], strict=True)) if entry.value == 5 else {}),
        )
        for entry in ROWS
    ]
    first, second = summarise_rows(ROWS, details).classes
    found = second.lesions
    assert (found.reference, found.prediction, found.matched) == (6, 4, 2)
    assert (found.sensitivity, found.precision, found.f1) == pytest.approx((2 / 6, 2 / 4, 4 / 10))
    assert (found.f1_by_case.n, found.dice_by_case.mean) == (2, pytest.approx(0.7))
    assert (first.lesions, first.centreline_dice) == (None, None)


def test_conventions_are_averaged_by_class():
    def beside(case, value, dice, hd_mm):
        return ConventionRow(case=case, label=f"class {value}", convention="x", dice=dice, hd_mm=hd_mm)

    rows = [beside("a", 1, 0.2, math.inf), beside("b", 1, math.nan, 3.0), beside("c", 1, 0.4, 5.0)]
    first, second = summarise_rows(ROWS, beside=rows).classes
    found = first.conventions["x"]
    assert list(found) == ["dice", "hd_mm"]
    assert (found["dice"].n, found["dice"].undefined, found["dice"].infinite) == (2, 1, 0)
    assert found["dice"].mean == pytest.approx(0.3)
    assert (found["hd_mm"].n, found["hd_mm"].mean, found["hd_mm"].infinite) == (2, 4.0, 1)
    assert second.conventions == {}


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


PARTS = {"kidneys": ["left", "right"], "all": ["left", "right", "liver"]}


@pytest.mark.parametrize(
    ("labels", "counted"),
    [
        (["left", "right", "liver", "kidneys"], [0, 1, 2]),
        (["liver", "kidneys"], [0, 1]),
        (["all", "kidneys"], [0, 1]),
        (["all", "liver"], [1]),
    ],
)
def test_unions_count_unless_a_part_is_scored(labels, counted):
    assert mean_classes(labels, PARTS) == counted
