"""Shares and hits of hand-made maps."""

import numpy as np
import pytest

from medse.errors import InputError
from medse.explain import inside_share, pointing_hit

HEAT = np.array([[0, 1, 0], [2, 4, 0], [0, 0, 3]], dtype=np.float32)


def test_the_share_is_the_sum_inside_over_the_sum() -> None:
    mask = np.zeros((3, 3), dtype=bool)
    mask[1:, 1:] = True
    assert inside_share(HEAT, mask) == pytest.approx(0.7)
    assert inside_share(np.ones((3, 3)), mask) == pytest.approx(mask.mean())
    assert inside_share(HEAT, np.zeros((3, 3), dtype=bool)) == 0
    assert np.isnan(inside_share(np.zeros((3, 3)), mask))


@pytest.mark.parametrize(
    ("tolerance", "hits"), [(0, False), (1, False), (1.4, False), (1.42, True), (15, True)]
)
def test_a_hit_is_counted_within_the_tolerance(tolerance: float, hits: bool) -> None:
    mask = np.zeros((3, 3), dtype=bool)
    mask[0, 0] = True  # the square root of 2 from the largest value
    assert pointing_hit(HEAT, mask, tolerance_pixels=tolerance) is hits


def test_without_tolerance_the_largest_value_must_be_inside() -> None:
    assert pointing_hit(HEAT, HEAT == 4)
    assert not pointing_hit(HEAT, (HEAT > 0) & (HEAT < 4))
    assert pointing_hit(np.stack([HEAT, 2 * HEAT]), np.stack([HEAT == 0, HEAT == 4]))


def test_nothing_points_nowhere() -> None:
    assert not pointing_hit(np.zeros((3, 3)), np.ones((3, 3), dtype=bool))
    assert not pointing_hit(HEAT, np.zeros((3, 3), dtype=bool))


@pytest.mark.parametrize("mask", [np.ones((3, 2), dtype=bool), np.ones((3, 3), dtype=np.uint8)])
def test_another_shape_or_type_is_refused(mask: np.ndarray) -> None:
    for score in (inside_share, pointing_hit):
        with pytest.raises(InputError, match="mask"):
            score(HEAT, mask)
