"""How numbers are written."""

import math

import pytest

from medse.pages.numbers import format_length, format_score, format_signed


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, "–"),
        (math.inf, "∞"),
        (None, ""),
        (0.0, "0.00"),
        (1234.5, "1234"),
        (12.345, "12.3"),
        (-0.012345, "−0.0123"),
        (1e-9, "0.000000"),
    ],
)
def test_volumes_have_three_digits(value, expected):
    assert format_length(value) == expected


def test_sign_is_written():
    assert (format_signed(2.0), format_signed(-2.0), format_signed(0.0)) == ("+2.00", "−2.00", "0.00")


def test_special_scores():
    assert [format_score(x) for x in (0.5, math.nan, math.inf, None)] == ["0.500", "–", "∞", ""]
