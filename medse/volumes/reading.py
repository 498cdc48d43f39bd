"""Volumes in: headers and voxels."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from medse.errors import InputError
from medse.grid import Grid, check_same_grid
from medse.volumes.names import case_id

FloatArray = npt.NDArray[np.float32]

_READ_ERRORS = (OSError, EOFError, ValueError, zlib.error, gzip.BadGzipFile, ImageFileError, HeaderDataError)


def read_grid(path: Path, channels: int = 1) -> Grid:
    """Read only the header of ``path``.

    Raises:
        InputError: No such file, not NIfTI, or not a 3-D volume with ``channels`` channels.
    """
    return _grid(path, _open(path), channels)


def read_grids(paths: Sequence[Path], channels: int) -> Grid:
    """Read only the headers of a case: one file per channel, or a single file with all.

    Raises:
        InputError: As :func:`read_grid`; or the files lie on different grids, or are not ``channels`` in number.
    """
    if len(paths) == 1:
        return read_grid(paths[0], channels)
    if len(paths) != channels:
        raise InputError(
            f"{paths[0]} and its other channels are {len(paths)} files; expected {channels} channels; "
            "give one file per channel."
        )
    first, *others = (read_grid(path) for path in paths)
    for other in others:
        check_same_grid(first, other)
    return first


def read_images(paths: Sequence[Path], channels: int) -> tuple[FloatArray, Grid]:
    """Read a case as ``(channels, X, Y, Z)``: one file per channel, or a single file with all.

    Raises:
        InputError: As :func:`read_image` and :func:`read_grids`.
    """
    if len(paths) == 1:
        return read_image(paths[0], channels)
    grid = read_grids(paths, channels)
    return np.concatenate([read_image(path)[0] for path in paths]), grid


def read_image(path: Path, channels: int = 1) -> tuple[FloatArray, Grid]:
    """Read an image as ``(channels, X, Y, Z)`` float32 on the file's own axes.

    Raises:
        InputError: As :func:`read_grid`; or the voxels are incomplete, NaN or infinite.
    """
    image = _open(path)
    grid = _grid(path, image, channels)
    array = _voxels(path, image)
    array = array.reshape(*grid.spatial_shape, channels).transpose(3, 0, 1, 2).astype(np.float32)
    bad = int(array.size - np.count_nonzero(np.isfinite(array)))
    if bad:
        raise InputError(
            f"{path} holds {bad} NaN or infinite voxels of {array.size}; every voxel must be a finite number; "
            "replace them (for instance with the background value) and save the file again."
        )
    return array, grid


def read_label_map(path: Path) -> tuple[npt.NDArray[np.integer], Grid]:
    """Read a label map as ``(X, Y, Z)`` integers on the file's own axes.

    Float files are accepted when every voxel is a whole number.

    Raises:
        InputError: As :func:`read_grid`; or a voxel is not a whole number.
    """
    image = _open(path)
    grid = _grid(path, image, 1)
    array = _voxels(path, image).reshape(grid.spatial_shape)
    if not np.issubdtype(array.dtype, np.integer):
        if not np.isfinite(array).all() or np.any(array != np.rint(array)):
            wrong = float(array[~np.isfinite(array) | (array != np.rint(array))].flat[0])
            raise InputError(
                f"{path} is not a label map: it holds {wrong:g}; labels must be whole numbers; "
                "save it with integer values."
            )
        array = array.astype(np.int32)
    return array, grid


def _open(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"{path} does not exist or is not a file; give the path of a NIfTI volume.")
    case_id(path)
    try:
        return nib.load(path)
    except _READ_ERRORS as error:
        raise InputError(
            f"{path} cannot be read as NIfTI ({error}); check or copy the file again."
        ) from error


def _grid(path: Path, image: Any, channels: int) -> Grid:
    shape = tuple(int(n) for n in image.shape)
    last = tuple(n for n in shape[3:] if n != 1)
    if len(shape) < 3 or last != (() if channels == 1 else (channels,)) or min(shape) < 1:
        wanted = (
            "a 3-D volume" if channels == 1 else f"a 4-D volume with {channels} channels in its last axis"
        )
        raise InputError(f"{path} has shape {shape}; expected {wanted}; split or merge the file.")
    affine = np.asarray(image.affine, dtype=np.float64)
    axes = nib.orientations.io_orientation(affine) if np.isfinite(affine).all() else np.full((3, 2), np.nan)
    if np.isnan(axes).any():
        raise InputError(f"{path} has an unusable affine {affine.tolist()}; correct its header.")
    return Grid(str(path), shape if channels == 1 else shape[:3], affine, image.header)


def _voxels(path: Path, image: Any) -> npt.NDArray[Any]:
    try:
        return np.asanyarray(image.dataobj)
    except _READ_ERRORS as error:
        raise InputError(
            f"{path} cannot be read to its end ({error}); it is truncated or damaged; copy it again."
        ) from error
