"""Resampling a volume onto another grid."""

import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spaces import vox2out_vox

from medse.arrays import AnyArray
from medse.errors import InputError
from medse.files import atomic_path
from medse.machine import check_memory, memory_for
from medse.volumes.formats.opened import Opened, image_values, label_values
from medse.volumes.grid import Grid, resample_command
from medse.volumes.names import suffix_of
from medse.volumes.reading import open_volume, read_grid
from medse.volumes.regridding import Target, onto_grid

LARGEST_GROWTH = 50
"""How many times more voxels a straight grid around a volume may have."""
DOUBLE = 8
"""Bytes of the numbers in which images are interpolated."""


def resample(source: Path, out: Path, *, like: Path | None, labels: bool) -> Path:
    """Write ``source`` on the grid of ``like``, or on straight axes in RAS order with its own spacings.

    Images are interpolated with cubic splines and padded with their smallest value; label maps take the
    nearest voxel and are padded with 0. Axes of ``source`` need not be at right angles.

    Args:
        source: A volume; further values per voxel are resampled one by one.
        out: A ``.nii`` or ``.nii.gz`` file that does not exist yet.

    Raises:
        InputError: A file cannot be read, one says where left is and the other does not, or ``out`` exists or
            is of another format; or there is not enough memory.
    """
    if suffix_of(out) not in (".nii", ".nii.gz"):
        raise InputError(f"{out} is no NIfTI file by its name; give an --out that ends in .nii or .nii.gz.")
    if out.exists():
        raise InputError(f"{out} exists; resampling overwrites nothing; give another --out.")
    opened = open_volume(source)
    if not opened.oriented:
        raise InputError(
            f"{source} does not say where its voxels lie; only a volume with an affine can be resampled; give it "
            "the right header."
        )
    target = _straight(opened, source, labels) if like is None else _grid_of(source, like)
    needed = math.prod(target[0]) if labels else DOUBLE * (math.prod(target[0]) + math.prod(opened.shape[:3]))
    check_memory(needed, str(source), f"{' x '.join(map(str, target[0]))} voxels of the new grid")
    with memory_for(str(source)):
        values = label_values(opened) if labels else image_values(opened)
        space = (*opened.shape, 1)[:3]
        volumes = values.reshape(*space, -1)
        resampled = [_onto(target, volumes[..., k], opened, labels) for k in range(volumes.shape[-1])]
        array = resampled[0] if len(resampled) == 1 else np.stack(resampled, axis=-1)
    image = nib.Nifti1Image(array, target[1], dtype=array.dtype)
    image.header.set_xyzt_units("mm")
    image.set_sform(target[1], 1)
    image.set_qform(target[1], 1)
    with atomic_path(out) as temporary:
        nib.save(image, temporary)
    return out


def _grid_of(source: Path, like: Path) -> Target:
    grid: Grid = read_grid(like)
    if not grid.oriented:
        raise InputError(
            f"{like} does not say where its voxels lie; {source} can only be brought onto a volume with an affine; "
            "give another --like."
        )
    return grid.spatial_shape, grid.affine


def _straight(opened: Opened, source: Path, labels: bool) -> Target:
    """The smallest straight grid that holds the volume, with the spacing of its nearest axis along each."""
    shape = (*opened.shape, 1)[:3]
    lengths = np.linalg.norm(opened.affine[:3, :3], axis=0)
    axes = nib.orientations.io_orientation(opened.affine)[:, 0]
    if np.isnan(axes).any():
        raise InputError(
            f"{source} has axes of which two point the same way; no straight grid is near it; bring it onto that of "
            f"another FILE with {resample_command(source, '--like', 'FILE', labels=labels, name='resampled')}."
        )
    spacing = lengths[np.argsort(axes)]
    target_shape, affine = vox2out_vox((shape, opened.affine), spacing)
    x, y, z = (int(n) for n in target_shape)
    if x * y * z > LARGEST_GROWTH * math.prod(shape):
        raise InputError(
            f"{opened.path} lies so askew that a straight grid around it has {x} x {y} x {z} voxels, more than "
            f"{LARGEST_GROWTH} times its own; give the wanted grid with --like."
        )
    return (x, y, z), affine


def _onto(target: Target, volume: Any, opened: Opened, labels: bool) -> AnyArray:
    """Resample one ``(X, Y, Z)`` array.

    Images are continued by their outermost voxels first, so that splines do not ring at the border.
    """
    affine = opened.affine
    if labels:
        return onto_grid(target, volume, affine, order=0, mode="grid-constant")
    numbers = volume.astype(np.float64)
    values = onto_grid(target, numbers, affine, order=3, mode="nearest")
    covered = onto_grid(target, np.ones(volume.shape, np.uint8), affine, order=0, mode="grid-constant")
    values[covered == 0] = numbers.min()
    return values.astype(np.float32)
