"""Drawings of scores and volumes: what is shown, and that names cannot break them."""

import math

import numpy as np
import pytest

from medse.pages.figures import GROUND, MARK
from medse.report import figures
from medse.report.figures import LEAST_VIOLIN, draw_distribution, draw_volumes
from tests.support.made_up_scores import make_scores


def hd95(values):
    """Give each case the HD95 of ``values``."""
    return lambda i, _k: {"hd95_mm": values[i]}


def test_the_worst_classes_are_shown_worst_first():
    few, many = make_scores([[0.5] * 25]), make_scores([[0.1 + 0.01 * k for k in range(40)]])
    assert (draw_distribution(few, "dice").shown, draw_distribution(many, "dice").shown) == (25, 25)
    lowest = draw_distribution(make_scores([[0.1 + 0.01 * k for k in range(26)]]), "dice").svg
    assert lowest == draw_distribution(make_scores([[0.1 + 0.01 * k for k in range(25)]]), "dice").svg


def test_the_worst_distance_is_the_largest():
    def far(n):
        return draw_distribution(
            make_scores([[0.5] * n], more=lambda _i, k: {"hd95_mm": 30.0 - k}), "hd95_mm"
        ).svg

    assert far(26) == far(25)


@pytest.mark.parametrize("label", ["$\\frac$", "a & b <c>", "x" * 200])
def test_any_name_can_be_drawn(label):
    scores = make_scores([[0.5], [0.6]], label)
    for svg in (draw_distribution(scores, "dice").svg, draw_volumes(scores)[0]):
        assert svg.rstrip().endswith(b"</svg>")


def test_undefined_and_infinite_values_are_left_out_of_the_drawing():
    empty = make_scores([[0.5, math.nan], [0.6, math.nan]])
    assert b"</svg>" in draw_distribution(empty, "dice").svg
    for values in ([math.inf, 2.0, 3.0], [math.inf] * 3):
        assert b"</svg>" in draw_distribution(make_scores([[0.5]] * 3, more=hd95(values)), "hd95_mm").svg


@pytest.mark.parametrize(
    ("values", "expected"), [([1.0, 2, 3], False), ([1.0, 2, 300], True), ([0.0] * 3, False)]
)
def test_the_axis_is_logarithmic_where_a_few_cases_are_far_off(values, expected):
    drawn = draw_distribution(make_scores([[0.5]] * 3, more=hd95(values)), "hd95_mm")
    assert drawn.logarithmic == expected


def test_a_density_needs_cases_with_both_masks():
    rng = np.random.default_rng(0)
    dice = [[value] for value in rng.uniform(0.4, 0.9, LEAST_VIOLIN)]
    drawn = draw_distribution(make_scores(dice), "dice")
    assert drawn.violins
    assert GROUND.lower().encode() in drawn.svg
    gone = {"precision": math.nan, "recall": 0.0}
    one_missed = draw_distribution(
        make_scores([[0.0], *dice[1:]], more=lambda i, _k: gone if i == 0 else {}), "dice"
    )
    assert not one_missed.violins
    assert GROUND.lower().encode() not in one_missed.svg
    assert one_missed.svg.count(MARK.lower().encode()) > drawn.svg.count(MARK.lower().encode())  # its cross


def test_volumes_of_empty_masks_are_marked():
    mark = MARK.lower().encode()
    assert mark not in draw_volumes(make_scores([[0.5], [0.6]]))[0]
    gone = {"volume_prediction_ml": 0.0}
    assert mark in draw_volumes(make_scores([[0.0], [0.0]], more=lambda _i, _k: gone))[0]


@pytest.mark.parametrize(
    ("empty", "dots", "crosses"), [("prediction", 2, 1), ("reference", 2, 1), (None, 3, 0)]
)
def test_a_case_is_a_dot_or_a_cross(empty, dots, crosses, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures, "to_svg", lambda figure: drawn.append(figure) or b"")
    draw_volumes(
        make_scores([[0.5]] * 3, more=lambda i, _k: {f"volume_{empty}_ml": 0.0} if empty and i == 0 else {})
    )
    counts = [len(points.get_offsets()) for points in drawn[0].axes[0].collections]
    assert counts == [dots, crosses]


def test_volumes_of_many_classes_are_limited():
    assert draw_volumes(make_scores([[0.5] * 13, [0.6] * 13]))[1] == 12
    assert draw_volumes(make_scores([[0.5] * 3, [0.6] * 3]))[1] == 3
