"""Figures of the report: what is drawn, and that names cannot break them."""

import math

import pytest

from medse.metrics.rows import ScoreRow
from medse.metrics.scores import Scores, Settings
from medse.metrics.summaries import summarise_rows
from medse.report.figures import MEAN, draw_distribution, draw_volumes


def make_scores(dice, label="liver", prediction_ml=2.0):
    """Scores of cases (outer) by classes (inner)."""
    rows = tuple(
        ScoreRow(
            case=f"c{i}", group=f"c{i}", label=f"{label}{k}", value=k + 1, dice=value, iou=0.5,
            precision=0.5, recall=0.5, volume_reference_ml=2.0 + i, volume_prediction_ml=prediction_ml,
        )
        for i, values in enumerate(dice)
        for k, value in enumerate(values)
    )  # fmt: skip
    settings = Settings(
        references="r", predictions="p", labels=None, cases_file=None,
        interval_method="m", interval_level=0.95, interval_resamples=10, interval_seed=1,
    )  # fmt: skip
    return Scores(
        convention="medse", created="2025-01-01T00:00:00+00:00", versions={}, settings=settings,
        summaries=summarise_rows(rows), rows=rows,
    )  # fmt: skip


def test_empty_masks_are_marked_in_the_volumes():
    mark = MEAN.lower().encode()
    assert mark not in draw_volumes(make_scores([[0.5], [0.6]]))[0]
    assert mark in draw_volumes(make_scores([[0.0], [0.0]], prediction_ml=0.0))[0]


def test_many_classes_are_limited():
    few, many = make_scores([[0.5] * 25]), make_scores([[0.1 + 0.01 * k for k in range(40)]])
    assert (draw_distribution(few)[1], draw_distribution(many)[1]) == (25, 25)
    lowest = draw_distribution(make_scores([[0.1 + 0.01 * k for k in range(26)]]))[0]
    assert lowest == draw_distribution(make_scores([[0.1 + 0.01 * k for k in range(25)]]))[0]
    assert draw_volumes(make_scores([[0.5] * 13, [0.6] * 13]))[1] == 12
    assert draw_volumes(make_scores([[0.5] * 3, [0.6] * 3]))[1] == 3


@pytest.mark.parametrize("label", ["$\\frac$", "a & b <c>", "x" * 200])
def test_any_name_can_be_drawn(label):
    scores = make_scores([[0.5], [0.6]], label)
    assert draw_distribution(scores)[0].rstrip().endswith(b"</svg>")
    assert draw_volumes(scores)[0].rstrip().endswith(b"</svg>")


def test_a_class_that_never_occurs_leaves_an_empty_line():
    assert b"</svg>" in draw_distribution(make_scores([[0.5, math.nan], [0.6, math.nan]]))[0]


def test_the_same_scores_give_the_same_drawing():
    scores = make_scores([[0.5], [0.6]])
    assert draw_distribution(scores) == draw_distribution(scores)


def test_many_points_do_not_swell_the_page():
    assert len(draw_distribution(make_scores([[0.5] * 25] * 160))[0]) < 800_000
