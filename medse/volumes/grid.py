"""Where the voxels of a volume lie: orientation, spacing, what its affine must be, and the geometry gate."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from medse.arrays import AnyArray, FloatArray
from medse.errors import InputError
from medse.volumes.formats.opened import Opened

AFFINE_TOLERANCE = 1e-3
"""Largest difference of two affines that are the same, relative to the voxel spacing."""


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a file lie: everything needed to write a label map on exactly that grid.

    Attributes:
        source: What to call it in messages, usually the file's path.
        shape: Shape of the file without its channel axis, trailing axes of length one included; two lengths
            for a 2-D file.
        affine: 4x4 voxel-to-world matrix in mm, RAS.
        header: The NIfTI header from which a label map inherits units and codes; None for other formats.
        oriented: Whether the file says where the patient's left is. Pictures do not, nor does a NIfTI file
            with neither qform nor sform; their affine only counts voxels.
    """

    source: str
    shape: tuple[int, ...]
    affine: FloatArray
    header: Any = None
    oriented: bool = True

    @property
    def spatial_shape(self) -> tuple[int, int, int]:
        x, y, z = (*self.shape, 1)[:3]
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

    def to_canonical(self, array: AnyArray) -> AnyArray:
        """Reorder ``(..., X, Y, Z)`` from the file's axes to the nearest RAS axes (a view)."""
        flipped: AnyArray = np.flip(array, self._flipped(array.ndim))
        order = np.argsort(self._axes[:, 0])
        return flipped.transpose(*range(array.ndim - 3), *(array.ndim - 3 + order))

    def from_canonical(self, array: AnyArray) -> AnyArray:
        restored = array.transpose(*range(array.ndim - 3), *(array.ndim - 3 + self._axes[:, 0]))
        flipped: AnyArray = np.flip(restored, self._flipped(array.ndim))
        return flipped


def check_same_grid(first: Grid, second: Grid, *, copy_affine: bool = False) -> bool:
    """Raise unless both have the same spatial shape and the same affine.

    With ``copy_affine`` another affine passes, because the header of ``second`` is known to be wrong.

    Returns:
        Whether ``copy_affine`` let a difference pass, in the affine or in whether they say where left is.
    """
    remedy = (
        f"run medse resample {shlex.quote(second.source)} --like {shlex.quote(first.source)} --out NEW "
        "(with --labels for a label map)"
        if first.oriented and second.oriented
        else f"save {second.source} again on that of {first.source}"
    )
    if first.spatial_shape != second.spatial_shape:
        raise InputError(
            f"{first.source} and {second.source} have different shapes, {first.spatial_shape} and "
            f"{second.spatial_shape}; they must lie on the same grid; {remedy}."
        )
    difference = np.abs(first.affine - second.affine)
    same = not np.any(difference > AFFINE_TOLERANCE * min(first.spacing_mm))
    if same and first.oriented == second.oriented:
        return False
    if copy_affine:
        return True
    if first.oriented != second.oriented:
        knows, other = (first, second) if first.oriented else (second, first)
        raise InputError(
            f"{knows.source} says where the patient's left is and {other.source} does not; they must lie on the "
            f"same grid; correct the header of {other.source}, or give --fix-geometry copy-affine if both are "
            "known to lie alike."
        )
    row, column = np.unravel_index(np.argmax(difference), difference.shape)
    raise InputError(
        f"{first.source} and {second.source} have different affines (largest difference "
        f"{difference.max():.4g} at row {row + 1}, column {column + 1}); they must lie on the same grid; "
        f"{remedy}, or give --fix-geometry copy-affine if the header of one is known to be wrong."
    )


FARTHEST_MM = 10_000.0
"""Longest plausible field of view, and the farthest that a scan may lie from the origin."""
LARGEST_COSINE = 1e-2
"""Axes whose angle has a larger cosine are not at right angles."""


def check_spacing(path: Path, spacing: npt.ArrayLike) -> None:
    """Raise unless every spacing is a positive finite number."""
    lengths = np.asarray(spacing, dtype=np.float64)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise InputError(
            f"{path} has the voxel spacing {_numbers(lengths)}; every axis needs a positive one in mm; correct "
            "its header."
        )


def check_affine(path: Path, affine: FloatArray, shape: tuple[int, ...]) -> None:
    """Raise unless ``affine`` can be inverted and places the volume within metres of the origin."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        volume = abs(np.linalg.det(affine[:3, :3] / lengths)) if (lengths > 0).all() else 0.0
    if not np.isfinite(affine).all() or not volume > 1e-6:
        raise InputError(
            f"{path} has an unusable affine {affine[:3].tolist()}; it must be finite and its axes independent; "
            "correct its header."
        )
    extent = max(length * n for length, n in zip(lengths, shape, strict=False))
    offset = np.abs(affine[:3, 3]).max()
    if max(extent, offset) > FARTHEST_MM:
        what = f"a field of view of {extent:g} mm" if extent > FARTHEST_MM else f"an origin at {offset:g} mm"
        raise InputError(
            f"{path} has {what}; at most {FARTHEST_MM:g} mm are plausible; correct the units or the spacing in its "
            "header."
        )


def check_straight(opened: Opened) -> None:
    """Raise unless the axes of the volume are at right angles."""
    if not is_straight(opened.affine):
        command = f"medse resample {shlex.quote(str(opened.path))} --out STRAIGHT_FILE"
        raise InputError(
            f"{opened.path} has axes that are not at right angles (a sheared affine "
            f"{opened.affine[:3].tolist()}); only straight grids are allowed; run {command}."
        )


def is_straight(affine: FloatArray) -> bool:
    """Whether the columns of ``affine`` are at right angles."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() <= LARGEST_COSINE)


def _numbers(values: FloatArray) -> str:
    return " x ".join(f"{value:g}" for value in values)
