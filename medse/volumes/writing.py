"""Label maps out: always on exactly the grid that was read."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from medse.files import atomic_path
from medse.grid import Grid


def write_label_map(path: Path, array: npt.NDArray[np.integer], grid: Grid) -> None:
    """Write ``(X, Y, Z)`` integers on exactly ``grid``, wholly or not at all."""
    image = label_image(array, grid)
    with atomic_path(path) as temporary:
        nib.save(image, temporary)


def label_image(array: npt.NDArray[np.integer], grid: Grid) -> Any:
    """Return a nibabel image of ``(X, Y, Z)`` integers with the shape, affine and codes of ``grid``."""
    data = array.reshape(grid.shape)
    if grid.header is None:
        return nib.Nifti1Image(data, grid.affine)
    header = grid.header.copy()
    header.set_data_shape(data.shape)
    header.set_data_dtype(data.dtype)
    header["cal_min"] = header["cal_max"] = 0
    header.set_intent("none")
    kind = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    return kind(data, None, header)
