"""The array types that signatures name, and the box around what an array holds."""

from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
"""Measurements: scores, coordinates, distances."""
ImageArray = npt.NDArray[np.float32]
"""Intensities, as networks take them."""
LabelArray = npt.NDArray[np.integer[Any]]
"""A label map, or indices of classes."""
BoolArray = npt.NDArray[np.bool_]
"""A mask."""
IndexArray = npt.NDArray[np.int64]
"""Positions in a flattened grid."""
AnyArray = npt.NDArray[Any]
"""Voxels of any type."""


def bounding_box(mask: BoolArray) -> tuple[slice, ...]:
    """Return the smallest box that holds all of ``mask``; boxes of an empty mask have length 0."""
    box = []
    for axis in range(mask.ndim):
        others = tuple(k for k in range(mask.ndim) if k != axis)
        occupied = np.flatnonzero(mask.any(axis=others))
        box.append(slice(int(occupied[0]), int(occupied[-1]) + 1) if len(occupied) else slice(0, 0))
    return tuple(box)
