"""Label maps out: always on exactly the grid that was read."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from PIL import Image

from medse.arrays import LabelArray
from medse.errors import InputError
from medse.files import atomic_path
from medse.volumes.grid import Grid, is_straight
from medse.volumes.names import PICTURES, suffix_of

_PLACE = (
    "pixdim",
    "xyzt_units",
    "qform_code",
    "sform_code",
    *(f"quatern_{axis}" for axis in "bcd"),
    *(f"qoffset_{axis}" for axis in "xyz"),
    *(f"srow_{axis}" for axis in "xyz"),
)
"""Fields of a NIfTI header that say where the voxels lie; a label map takes nothing else from its scan."""


def prediction_name(case_id: str, grid: Grid) -> str:
    """Name of the label map of a case: a picture for a picture, NIfTI for everything else."""
    return f"{case_id}{'.png' if suffix_of(Path(grid.source)) in PICTURES else '.nii.gz'}"


def write_label_map(path: Path, array: LabelArray, grid: Grid) -> None:
    """Write ``(X, Y, Z)`` integers on exactly ``grid``, wholly or not at all.

    A name that ends in ``.png`` makes a grey picture of 8 bits, or of 16 where a label needs them.

    Raises:
        InputError: It cannot be written, or holds labels that a picture cannot.
    """
    picture = suffix_of(path) == ".png"
    image = _picture(path, array, grid) if picture else label_image(array, grid)
    with atomic_path(path) as temporary:
        if picture:
            image.save(temporary)
        else:
            nib.save(image, temporary)


def label_image(array: LabelArray, grid: Grid) -> Any:
    """Return a nibabel image of ``(X, Y, Z)`` integers with the shape, place and units of ``grid``."""
    data = array.reshape(grid.shape)
    if grid.header is None:
        return _new_image(data, grid)
    kind = nib.Nifti2Image if int(grid.header["sizeof_hdr"]) == 540 else nib.Nifti1Image
    header = kind.header_class()
    header.set_data_shape(data.shape)
    header.set_data_dtype(data.dtype)
    for field in _PLACE:
        header[field] = grid.header[field]
    return kind(data, header.get_best_affine(), header)  # without it the image in memory has no affine


def _new_image(data: LabelArray, grid: Grid) -> Any:
    kind = nib.Nifti2Image if max(data.shape) > np.iinfo(np.int16).max else nib.Nifti1Image
    image = kind(data, grid.affine, dtype=data.dtype)
    image.header.set_xyzt_units("mm")
    code = 1 if grid.oriented else 0
    image.set_sform(grid.affine, code)
    if is_straight(grid.affine):
        image.set_qform(grid.affine, code)
    return image


def _picture(path: Path, array: LabelArray, grid: Grid) -> Image.Image:
    lowest, highest = int(array.min()), int(array.max())
    if len(grid.shape) != 2 or lowest < 0 or highest > np.iinfo(np.uint16).max:
        raise InputError(
            f"{path} cannot hold a label map of {grid.source} with labels from {lowest} to {highest}; a PNG holds "
            "2-D ones from 0 to 65535; write .nii.gz."
        )
    pixels = array.reshape(grid.shape).T.astype(np.uint8 if highest < 256 else np.uint16)
    return Image.fromarray(np.ascontiguousarray(pixels))
