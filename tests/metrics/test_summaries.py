"""Rows to summaries: order of classes, volume differences and the mean over classes."""

import math

import numpy as np
import pytest

from medse.metrics.rows import ScoreRow
from medse.metrics.summaries import cases, column, summarise_rows


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
    assert cases(ROWS) == ["a", "b", "c"]
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
    assert [entry.ledger.missed for entry in found.classes] == [1, 0]
    assert [entry.ledger.hallucinated for entry in found.classes] == [0, 1]
    assert found.ledger.both_empty == 1


def test_pictures_have_no_volumes_and_keep_their_ledger():
    unmeasured = {"volume_reference_ml": math.nan, "volume_prediction_ml": math.nan}
    found = summarise_rows([entry.model_copy(update=unmeasured) for entry in ROWS])
    measured = summarise_rows(ROWS)
    assert found.ledger == measured.ledger
    assert [entry.dice for entry in found.classes] == [entry.dice for entry in measured.classes]
    assert found.classes[0].volume_difference_ml.n == 0
