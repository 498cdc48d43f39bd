"""Voxels from one grid to another through the world."""

import numpy as np
from scipy import ndimage

from medse.arrays import AnyArray, FloatArray

Target = tuple[tuple[int, int, int], FloatArray]
"""Shape and 4x4 voxel-to-world matrix of a grid."""


def onto_grid(target: Target, array: AnyArray, affine: FloatArray, *, order: int, mode: str) -> AnyArray:
    """Interpolate ``(X, Y, Z)`` at the voxels of another grid, in its own type.

    Order 0 takes the nearest voxel and keeps whole numbers up to 2^53 exactly.

    Args:
        array: Voxels on axes of any direction.
        affine: Their 4x4 voxel-to-world matrix in mm; may be sheared.
        mode: What lies beyond the border, as SciPy names it; a constant is 0.
    """
    shape, target_affine = target
    to_source = np.linalg.inv(affine) @ target_affine
    moved: AnyArray = ndimage.affine_transform(
        array, to_source[:3, :3], to_source[:3, 3], output_shape=shape, order=order, mode=mode, cval=0
    )
    return moved
