"""Counted values against NumPy's."""

import numpy as np
import pytest

from medse.labels.value_counts import count_values


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).integers(0, 256, (70, 70, 70)).astype(np.uint8),
        np.asfortranarray(np.random.default_rng(0).integers(-300, 300, (70, 70, 70)).astype(np.int16)),
        np.random.default_rng(0).choice([0, 1, 65_535, 65_536, 2**60], (30, 20)),
        np.repeat(np.random.default_rng(0).integers(0, 9, 5000), 200).astype(np.uint8),
        np.zeros((3, 2), np.int32),
        np.zeros((0, 2), np.int32),
    ],
)
def test_counted_values(array):
    values, voxels = np.unique(array, return_counts=True)
    assert count_values(array) == dict(zip(values.tolist(), voxels.tolist(), strict=True))
