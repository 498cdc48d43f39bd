"""The array types that signatures name: what a number in an array is."""

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
