"""Which cases are shown, and which of their classes in which colour."""

import math

import numpy as np
import pytest

from medse.evaluate.case_maps import CaseMaps
from medse.report.examples import choose_cases, choose_colours, index_maps
from medse.report.panels import COLOURS, OTHERS
from medse.report.tables import single_classes
from medse.volumes.grid import Grid
from tests.support.made_up_scores import collect, row


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ({"a": 0.5}, {"Only case": "a"}),
        ({"a": 0.5, "b": 0.4}, {"Worst case": "b", "Best case": "a"}),
        ({"a": 0.9, "b": 0.1, "c": 0.5}, {"Worst case": "b", "Median case": "c", "Best case": "a"}),
        ({"a": math.nan, "b": 0.3}, {"Only case": "b"}),
        ({"a": math.nan}, {}),
    ],
)
def test_choice_of_cases(means, expected):
    assert choose_cases(means) == expected


@pytest.mark.parametrize(
    ("labels", "drawn"),
    [
        (("left", "right", "both"), (0, 1)),
        (("both",), (0,)),
        (("other", "both"), (0, 1)),
        (("both", "left"), (1,)),
    ],
)
def test_a_union_is_drawn_only_where_none_of_its_parts_is_scored(labels, drawn):
    rows = [row("a", label, 0.5) for label in labels]
    scores = collect(rows, settings={"merged": {"both": ["left", "right"]}})
    assert single_classes(scores) == list(drawn)


def test_classes_are_drawn_by_their_values_and_unions_by_those_of_their_parts():
    array = np.arange(6).reshape(6, 1, 1)
    members = {"left": frozenset({4}), "right": frozenset({2, 3}), "rest": frozenset({5})}
    unused = {
        "picture": False,
        "geometry_fixed": False,
        "resampled": False,
        "missing": False,
        "absent": frozenset(),
    }
    maps = CaseMaps(array, array[::-1], Grid("a", array.shape, np.eye(4)), members=members, **unused)
    scores = collect(
        [row("a", label, 0.5, value=None) for label in ("rest", "both", "absent")],
        settings={"merged": {"both": ["left", "right"]}},
    )
    reference, prediction = index_maps(maps, scores, (0, 1, 2))
    assert reference.ravel().tolist() == [0, 0, 2, 2, 2, 1]
    assert prediction.ravel().tolist() == [1, 2, 2, 2, 0, 0]


def test_where_colours_do_not_suffice_the_worst_classes_in_view_have_them():
    few = [row("a", str(k), 0.5) for k in range(len(COLOURS))]
    assert choose_colours(few, set()) == dict(enumerate(COLOURS, start=1))
    many = [row("a", str(k), math.nan if k == 3 else 0.9 - 0.01 * k) for k in range(20)]
    colours = choose_colours(many, {1, 2, 4, 18})
    assert {k: colours[k] for k in (18, 2, 1, 4)} == dict(zip((18, 2, 1, 4), COLOURS, strict=False))
    assert {colour for k, colour in colours.items() if k not in (1, 2, 4, 18)} == {OTHERS}
