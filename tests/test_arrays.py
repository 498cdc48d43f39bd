"""The box around a mask."""

import numpy as np
import pytest
from scipy.ndimage import find_objects

from medse.arrays import bounding_box


@pytest.mark.parametrize("shape", [(7,), (5, 6), (5, 6, 7), (1, 6, 7)])
def test_the_box_is_the_one_that_scipy_finds(shape: tuple[int, ...]) -> None:
    random = np.random.default_rng(len(shape))
    for _ in range(20):
        mask = np.zeros(shape, bool)
        mask[tuple(random.integers(0, shape, (2, len(shape))).T)] = True
        assert bounding_box(mask) == find_objects(mask.astype(int))[0]


def test_of_nothing_the_box_is_empty() -> None:
    assert bounding_box(np.zeros((2, 3), bool)) == (slice(0, 0), slice(0, 0))
