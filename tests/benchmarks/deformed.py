"""A smooth deformation of a volume, to make predictions of references."""

import numpy as np
from scipy.ndimage import zoom


def deformation(shape: tuple[int, ...], shift_voxels: float, seed: int) -> tuple[np.ndarray, ...]:
    """Return an index that moves each voxel of a volume by about ``shift_voxels`` (standard deviation per axis)."""
    rng = np.random.default_rng(seed)
    index = []
    for axis, places in enumerate(np.indices(shape, dtype=np.int16, sparse=True)):
        coarse = rng.normal(scale=shift_voxels, size=(8, 8, 8)).astype(np.float32)
        field = zoom(coarse, np.divide(shape, coarse.shape), order=3)
        index.append(np.clip(np.rint(places + field), 0, shape[axis] - 1).astype(np.int16))
    return tuple(index)
