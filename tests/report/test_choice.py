"""Which cases are shown."""

import math

import pytest

from medse.report.choice import choose_cases


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
