"""NIfTI files in and out: headers, voxels, orientation and the geometry gate."""

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError

from medse.errors import InputError
from medse.files import atomic_path

FloatArray = npt.NDArray[np.float32]
SUFFIXES = (".nii.gz", ".nii")
AFFINE_TOLERANCE = 1e-3
"""Largest difference of two affines that are the same, relative to the voxel spacing."""

_READ_ERRORS = (OSError, EOFError, ValueError, zlib.error, gzip.BadGzipFile, ImageFileError, HeaderDataError)


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a file lie: everything needed to write a label map on exactly that grid.

    Attributes:
        source: What to call it in messages, usually the file's path.
        shape: Shape of the file without its channel axis, trailing axes of length one included.
        affine: 4x4 voxel-to-world matrix in mm, as in the file.
        header: The file's header, from which a label map inherits units and codes; None for arrays.
    """

    source: str
    shape: tuple[int, ...]
    affine: npt.NDArray[np.float64]
    header: Any = None

    @property
    def spatial_shape(self) -> tuple[int, int, int]:
        """The three spatial lengths."""
        x, y, z = self.shape[:3]
        return x, y, z

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel spacing along the file's own axes."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(x), float(y), float(z)

    @property
    def canonical_spacing_mm(self) -> tuple[float, float, float]:
        """Voxel spacing along the axes in RAS order."""
        order = np.argsort(self._axes[:, 0])
        x, y, z = (self.spacing_mm[i] for i in order)
        return x, y, z

    @property
    def canonical_shape(self) -> tuple[int, int, int]:
        """The three spatial lengths in RAS order."""
        order = np.argsort(self._axes[:, 0])
        x, y, z = (self.spatial_shape[i] for i in order)
        return x, y, z

    @property
    def _axes(self) -> npt.NDArray[np.int64]:
        return np.asarray(nib.orientations.io_orientation(self.affine)).astype(np.int64)

    def _flipped(self, ndim: int) -> tuple[int, ...]:
        """Axes of ``(..., X, Y, Z)`` that run against RAS."""
        return tuple(ndim - 3 + axis for axis in range(3) if self._axes[axis, 1] < 0)

    def to_canonical(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Reorder ``(..., X, Y, Z)`` from the file's axes to the nearest RAS axes (a view)."""
        flipped: npt.NDArray[Any] = np.flip(array, self._flipped(array.ndim))
        order = np.argsort(self._axes[:, 0])
        return flipped.transpose(*range(array.ndim - 3), *(array.ndim - 3 + order))

    def from_canonical(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Undo :meth:`to_canonical`."""
        restored = array.transpose(*range(array.ndim - 3), *(array.ndim - 3 + self._axes[:, 0]))
        flipped: npt.NDArray[Any] = np.flip(restored, self._flipped(array.ndim))
        return flipped


def case_id(path: Path) -> str:
    """The file's name without folder and NIfTI suffix.

    Raises:
        InputError: The file does not end in ``.nii`` or ``.nii.gz``.
    """
    for suffix in SUFFIXES:
        if path.name.endswith(suffix) and path.name != suffix:
            return path.name.removesuffix(suffix)
    raise InputError(f"{path} is not a NIfTI file; expected a name that ends in .nii or .nii.gz.")


def list_nifti(folder: Path) -> dict[str, Path]:
    """Map case id to file for the NIfTI files directly in ``folder``, sorted, hidden ones left out.

    Raises:
        InputError: It is no folder, holds no NIfTI file, or two files have one case id.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give one that holds .nii or .nii.gz files.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.name.endswith(SUFFIXES):
            continue
        if (name := case_id(path)) in found:
            raise InputError(f"{found[name]} and {path} have the same case id {name!r}; keep one of them.")
        found[name] = path
    if not found:
        raise InputError(f"{folder} holds no .nii or .nii.gz file; give the folder that holds the volumes.")
    return found


def read_grid(path: Path, channels: int = 1) -> Grid:
    """Read only the header of ``path``.

    Raises:
        InputError: No such file, not NIfTI, or not a 3-D volume with ``channels`` channels.
    """
    return _grid(path, _open(path), channels)


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


def check_same_grid(first: Grid, second: Grid) -> None:
    """Raise unless both have the same spatial shape and the same affine.

    Raises:
        InputError: They do not; the sentence names both files and what differs.
    """
    if first.spatial_shape != second.spatial_shape:
        raise InputError(
            f"{first.source} and {second.source} have different shapes, {first.spatial_shape} and "
            f"{second.spatial_shape}; they must lie on the same grid; resample one onto the other."
        )
    difference = np.abs(first.affine - second.affine)
    if np.any(difference > AFFINE_TOLERANCE * min(first.spacing_mm)):
        row, column = np.unravel_index(np.argmax(difference), difference.shape)
        raise InputError(
            f"{first.source} and {second.source} have different affines (largest difference "
            f"{difference.max():.4g} at row {row + 1}, column {column + 1}); they must lie on the same grid; "
            "resample one onto the other or correct the header that is wrong."
        )


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
    header.set_slope_inter(1, 0)
    header["cal_min"] = header["cal_max"] = 0
    header.set_intent("none")
    kind = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
    return kind(data, None, header)


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
