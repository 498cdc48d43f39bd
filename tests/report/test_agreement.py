"""The drawing of volumes."""

import pytest

from medse.pages.figures import MARK
from medse.report.figures import draw_volumes
from tests.support.made_up_scores import make_scores


def test_empty_masks_are_marked():
    mark = MARK.lower().encode()
    assert mark not in draw_volumes(make_scores([[0.5], [0.6]]))[0]
    gone = {"volume_prediction_ml": 0.0}
    assert mark in draw_volumes(make_scores([[0.0], [0.0]], more=lambda _i, _k: gone))[0]


def test_many_classes_are_limited():
    assert draw_volumes(make_scores([[0.5] * 13, [0.6] * 13]))[1] == 12
    assert draw_volumes(make_scores([[0.5] * 3, [0.6] * 3]))[1] == 3


@pytest.mark.parametrize("label", ["$\\frac$", "a & b <c>", "x" * 200])
def test_any_name_can_be_drawn(label):
    assert draw_volumes(make_scores([[0.5], [0.6]], label))[0].rstrip().endswith(b"</svg>")
