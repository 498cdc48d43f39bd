"""Where the voxels of a volume lie: orientation, spacing, what its affine must be, and the geometry gate."""

import shlex
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from nibabel.affines import apply_affine

from medse.arrays import AnyArray, FloatArray
from medse.errors import InputError
from medse.volumes.formats.opened import Opened
from medse.volumes.names import suffix_of

LARGEST_SHIFT = 0.02
"""Farthest that grids that are the same may place a voxel apart, along each axis in voxels of that axis.

Spacings that were rounded to four decimals drift by less across 512 voxels, and the nearest voxel is another one only
from 0.5 on.
"""


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
        labels: Whether it was read as that of a label map, which is resampled by the nearest voxel.
        in_memory: Whether there is no file of it that a command could be told about.
    """

    source: str
    shape: tuple[int, ...]
    affine: FloatArray
    header: Any = None
    oriented: bool = True
    labels: bool = False
    in_memory: bool = False

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
        return _orientation(np.asarray(self.affine, np.float64).tobytes())

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


@lru_cache(256)
def _orientation(affine: bytes) -> npt.NDArray[np.int64]:
    """Return for each axis of a 4x4 matrix the RAS axis that it is nearest to, and its direction along that."""
    matrix = np.frombuffer(affine, np.float64).reshape(4, 4)
    found = np.asarray(nib.orientations.io_orientation(matrix)).astype(np.int64)
    found.flags.writeable = False
    return found


def check_same_grid(first: Grid, second: Grid, *, copy_affine: bool | None = False) -> bool:
    """Raise unless both have the same spatial shape and place every voxel alike, up to :data:`LARGEST_SHIFT`.

    With ``copy_affine`` another affine passes, because the header of ``second`` is known to be wrong; None where that
    cannot be chosen.

    Returns:
        Whether ``copy_affine`` let a difference pass, in the affine or in whether they say where left is.
    """
    if first.spatial_shape != second.spatial_shape:
        raise InputError(
            f"{first.source} and {second.source} have different shapes, {first.spatial_shape} and "
            f"{second.spatial_shape}; they must lie on the same grid; {_regrid(first, second)}."
        )
    shift = _largest_shift(first, second)
    if shift.max() <= LARGEST_SHIFT and first.oriented == second.oriented:
        return False
    if copy_affine:
        return True
    copying = ", or give --fix-geometry copy-affine (copy_affine=True) if {}" if copy_affine is False else ""
    if first.oriented != second.oriented:
        knows, other = (first, second) if first.oriented else (second, first)
        raise InputError(
            f"{knows.source} says where the patient's left is and {other.source} does not; they must lie on the "
            f"same grid; correct the header of {other.source}{copying.format('both are known to lie alike')}."
        )
    axis = int(shift.argmax())
    raise InputError(
        f"{first.source} and {second.source} have different affines, which place a voxel up to "
        f"{shift[axis] * first.spacing_mm[axis]:.4g} mm apart along axis {axis + 1} ({shift[axis]:.3g} of its "
        f"spacing); they must lie on the same grid, to {LARGEST_SHIFT:g} of the spacing; "
        f"{_regrid(first, second)}{copying.format('the header of one is known to be wrong')}."
    )


def _largest_shift(first: Grid, second: Grid) -> FloatArray:
    """How far apart both place a voxel of the volume at most: in voxels of ``first``, along each of its axes.

    The difference of two affines is largest at a corner of the volume.
    """
    corners = np.array([*product(*((-0.5, n - 0.5) for n in first.spatial_shape))])
    moved = apply_affine(np.linalg.inv(first.affine) @ second.affine, corners)
    shift: FloatArray = np.abs(moved - corners).max(axis=0)
    return shift


def _regrid(first: Grid, second: Grid) -> str:
    """What brings ``second`` onto the grid of ``first``."""
    if not (first.oriented and second.oriented):
        return f"save {second.source} again on that of {first.source}"
    if first.in_memory or second.in_memory:
        return (
            f"resample {second.source} onto that of {first.source}, as medse resample --like does with files"
        )
    options = ["--like", first.source]
    return f"run {resample_command(Path(second.source), *options, labels=second.labels, name='resampled')}"


def resample_command(source: Path, *options: str, labels: bool, name: str) -> str:
    """Return the command that writes ``source`` on another grid into the working folder.

    Args:
        labels: Whether it is a label map, whose values must stay as they are.
        name: What is put behind the case id in the name of the new file.
    """
    case = source.name[: len(source.name) - len(suffix_of(source))]
    out = f"{case}_{name}.nii.gz"
    words = ["medse", "resample", str(source), *(["--labels"] if labels else []), *options, "--out", out]
    return shlex.join(words)


FARTHEST_MM = 10_000.0
"""Longest plausible field of view, and the farthest that a scan may lie from the origin."""
LARGEST_COSINE = 1e-2
"""Axes whose angle has a larger cosine are not at right angles."""


def check_spacing(path: Path | str, spacing: npt.ArrayLike) -> None:
    """Raise unless every spacing is a positive finite number."""
    lengths = np.asarray(spacing, dtype=np.float64)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise InputError(
            f"{path} has the voxel spacing {_numbers(lengths)}; every axis needs a positive one in mm; correct "
            "it."
        )


def check_affine(path: Path | str, affine: FloatArray, shape: tuple[int, ...]) -> None:
    """Raise unless ``affine`` can be inverted and places the volume within metres of the origin."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        volume = abs(np.linalg.det(affine[:3, :3] / lengths)) if (lengths > 0).all() else 0.0
    if not np.isfinite(affine).all() or not volume > 1e-6:
        raise InputError(
            f"{path} has an unusable affine {affine[:3].tolist()}; it must be finite and its axes independent; "
            "correct it."
        )
    extent = max(length * n for length, n in zip(lengths, shape, strict=False))
    offset = np.abs(affine[:3, 3]).max()
    if max(extent, offset) > FARTHEST_MM:
        what = f"a field of view of {extent:g} mm" if extent > FARTHEST_MM else f"an origin at {offset:g} mm"
        raise InputError(
            f"{path} has {what}; at most {FARTHEST_MM:g} mm are plausible; correct its units, "
            "spacing or origin."
        )


def check_straight(opened: Opened, *, labels: bool) -> None:
    """Raise unless the axes of the volume, a label map or an image, are at right angles."""
    if not is_straight(opened.affine):
        remedy = (
            f"run {resample_command(opened.path, labels=labels, name='straight')}"
            if isinstance(opened.path, Path)
            else "resample it onto straight axes, as medse resample does with files"
        )
        raise InputError(
            f"{opened.path} has axes that are not at right angles (a sheared affine "
            f"{opened.affine[:3].tolist()}); only straight grids are allowed; {remedy}."
        )


def is_straight(affine: FloatArray) -> bool:
    """Whether the columns of ``affine`` are at right angles."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return bool(np.abs(axes.T @ axes - np.eye(3)).max() <= LARGEST_COSINE)


def _numbers(values: FloatArray) -> str:
    return " x ".join(f"{value:g}" for value in values)
