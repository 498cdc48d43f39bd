"""Volumes in: which reader opens which file, headers and voxels."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from medse.arrays import AnyArray, ImageArray, LabelArray
from medse.errors import InputError
from medse.volumes.formats.contents import stream
from medse.volumes.formats.mgh import open_mgh
from medse.volumes.formats.nifti import LENGTH, open_nifti
from medse.volumes.formats.opened import Opened, image_values, label_values
from medse.volumes.formats.pictures import open_picture
from medse.volumes.grid import Grid, check_same_grid, check_straight
from medse.volumes.names import PICTURES, case_id, suffix_of


def _open_itk(path: Path) -> Opened:
    """Open MetaImage or NRRD; SimpleITK takes 90 MB and is loaded for them only."""
    from medse.volumes.formats.itk import open_itk

    return open_itk(path)


def _open_dicom(path: Path) -> Opened:
    from medse.volumes.formats.dicom import open_dicom

    return open_dicom(path)


OPENERS: dict[str, Callable[[Path], Opened]] = {
    **dict.fromkeys((".nii.gz", ".nii", ".hdr"), open_nifti),
    **dict.fromkeys((".mgh", ".mgz"), open_mgh),
    **dict.fromkeys((".nrrd", ".nhdr", ".mha", ".mhd"), _open_itk),
    **dict.fromkeys(PICTURES, open_picture),
}
IMAGE_OPENERS = {**OPENERS, ".dcm": _open_dicom}
"""What opens the files that can be classified: those of :data:`medse.volumes.names.IMAGES`."""
_MARKS = {
    ".nii": (344, b"n+1\0"),
    ".mgh": (0, b"\0\0\0\1"),
    ".nrrd": (0, b"NRRD000"),
    ".mha": (0, b"ObjectType"),
    ".png": (0, b"\x89PNG\r\n"),
    ".jpg": (0, b"\xff\xd8\xff"),
}
"""Suffix -> where a file of the format has which bytes."""


def open_volume(path: Path, openers: Mapping[str, Callable[[Path], Opened]] = OPENERS) -> Opened:
    """Check the header of ``path`` and return it; only the angles of its axes are not judged.

    Args:
        openers: Ending of a file name -> what opens such files.

    Raises:
        InputError: The file is missing, may not be read, is of no format known here, or its header cannot be
            trusted; later, where its voxels cannot be read.
    """
    with readable(path):
        if not path.is_file():
            raise InputError(f"{path} does not exist or is not a file; give the path of a volume.")
        if suffix := "" if suffix_of(path, openers) else _suffix_by_content(path):
            raise InputError(
                f"{path} is a volume by what it holds, but its name does not say of which format; a name ends in the "
                f"suffix of its format; rename it to {path.name}{suffix}."
            )
        case_id(path, openers)
        opened = openers[suffix_of(path, openers)](path)

    def voxels() -> AnyArray:
        with readable(path):
            return opened.voxels()

    return replace(opened, voxels=voxels)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say what is wrong where the system refuses to read ``path`` in the block.

    Raises:
        InputError: It does.
    """
    try:
        yield
    except PermissionError as error:
        raise InputError(
            f"{path} may not be read (permission denied); change its permissions or run as its owner."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error}); check the disk or copy the file again."
        ) from error


def _suffix_by_content(path: Path) -> str:
    """The suffix that fits what a file begins with, an empty text where it is not known."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with stream(path, packed) as file:
        head = file.read(LENGTH)
    suffix = next((suffix for suffix, (at, mark) in _MARKS.items() if head.startswith(mark, at)), "")
    return {".nii": ".nii.gz", ".mgh": ".mgz"}.get(suffix, "") if packed else suffix


def read_grid(path: Path, channels: int = 1) -> Grid:
    """Read only the header of ``path``.

    Raises:
        InputError: No such file, no volume, a header that cannot be trusted, axes that are not at right
            angles, or not a 2-D or 3-D volume with ``channels`` channels.
    """
    return grid_of(open_volume(path), channels)


def channels_of(opened: Opened) -> int:
    """Return how many values a voxel has."""
    return math.prod(opened.shape[3:]) * opened.components


def read_grids(paths: Sequence[Path], channels: int, *, copy_affine: bool = False) -> tuple[Grid, bool]:
    """Read only the headers of a case: one file per channel, or a single file with all.

    Args:
        copy_affine: Let files whose affines differ lie where the first does.

    Returns:
        The grid of the first file, and whether an affine differed.

    Raises:
        InputError: As :func:`read_grid`; or the files lie on different grids, or are not ``channels`` in number.
    """
    return grids_of([open_volume(path) for path in paths], channels, copy_affine=copy_affine)


def grids_of(
    volumes: Sequence[Opened], channels: int, *, copy_affine: bool | None = False
) -> tuple[Grid, bool]:
    """As :func:`read_grids`, of volumes that are open; ``copy_affine`` as in :func:`check_same_grid`."""
    if len(volumes) == 1:
        return grid_of(volumes[0], channels), False
    if len(volumes) != channels:
        names = " and ".join(str(opened.path) for opened in volumes[:2])
        raise InputError(
            f"{len(volumes)} volumes ({names}{' ...' * (len(volumes) > 2)}) were given for {channels} "
            f"{'channel' if channels == 1 else 'channels'}; one is expected for each, or one that holds all; give "
            "as many, and each scan by itself."
        )
    first, *others = (grid_of(opened) for opened in volumes)
    differed = [check_same_grid(first, other, copy_affine=copy_affine) for other in others]
    return first, any(differed)


def read_images(
    paths: Sequence[Path], channels: int, *, copy_affine: bool = False
) -> tuple[ImageArray, Grid]:
    """Read a case as ``(channels, X, Y, Z)``: one file per channel, or a single file with all."""
    volumes = [open_volume(path) for path in paths]
    grid, _ = grids_of(volumes, channels, copy_affine=copy_affine)
    return images_of(volumes, grid), grid


def images_of(volumes: Sequence[Opened], grid: Grid) -> ImageArray:
    """Read the voxels of volumes on ``grid``, which :func:`grids_of` has returned, as ``(channels, X, Y, Z)``."""
    channels = [image_values(opened).reshape(*grid.spatial_shape, -1) for opened in volumes]
    together = channels[0] if len(channels) == 1 else np.concatenate(channels, axis=3)
    return together.transpose(3, 0, 1, 2)


def read_image(path: Path, channels: int = 1) -> tuple[ImageArray, Grid]:
    """Read an image as ``(channels, X, Y, Z)`` float32 on the file's own axes; Z is 1 for a 2-D file.

    Raises:
        InputError: As :func:`read_grid`; or the voxels are incomplete, NaN or infinite.
    """
    return read_images([path], channels)


def read_label_map(path: Path) -> tuple[LabelArray, Grid]:
    """Read a label map as ``(X, Y, Z)`` integers on the file's own axes; Z is 1 for a 2-D file.

    Float files are accepted when every voxel is a whole number; the colours of a palette are its indices.

    Raises:
        InputError: As :func:`read_grid`; or the file has lossy compression or a voxel that is not a whole number.
    """
    return label_map_of(open_volume(path))


def label_map_of(opened: Opened) -> tuple[LabelArray, Grid]:
    """As :func:`read_label_map`, of a volume that is open."""
    grid = _label_grid(opened)
    return label_values(opened).reshape(grid.spatial_shape), grid


def read_label_grid(path: Path) -> Grid:
    """Read only the header of a label map."""
    return _label_grid(open_volume(path))


def _label_grid(opened: Opened) -> Grid:
    if opened.unfit_labels:  # before its channels are counted: colours are the better reason
        raise InputError(f"{opened.path} cannot be used as a label map: {opened.unfit_labels}.")
    return grid_of(opened, labels=True)


def grid_of(opened: Opened, channels: int = 1, *, labels: bool = False) -> Grid:
    """Return where the voxels lie.

    Args:
        channels: How many values each must have.
        labels: Whether the volume is used as a label map.

    Raises:
        InputError: It has another number of values per voxel, or its axes are not at right angles.
    """
    if opened.unfit_image and not labels:  # before its channels are counted: a palette is the better reason
        raise InputError(f"{opened.path} cannot be used as an image: {opened.unfit_image}.")
    shape, further = opened.shape, opened.shape[3:]
    values = tuple(n for n in (*further, opened.components) if n != 1)
    if values != (() if channels == 1 else (channels,)):
        raise InputError(_wrong_channels(opened, values, channels))
    check_straight(opened, labels=labels)
    if opened.components == 1 and channels > 1:
        axis = 3 + further.index(channels)
        shape = shape[:axis] + shape[axis + 1 :]
    in_memory = not isinstance(opened.path, Path)
    return Grid(str(opened.path), shape, opened.affine, opened.header, opened.oriented, labels, in_memory)


def _wrong_channels(opened: Opened, values: tuple[int, ...], channels: int) -> str:
    shape = opened.shape + ((opened.components,) if opened.components > 1 else ())
    holds = f"{opened.path} has shape {shape}"
    if channels == 1:
        return (
            f"{holds}; expected a 3-D volume or a 2-D picture with one value per voxel; split it into 3-D volumes, "
            "or declare its channels if it is an image."
        )
    has = " x ".join(map(str, values)) if values else "1"
    return (
        f"{holds}, that is {has} values per voxel; expected a 4-D volume with {channels} channels in its last axis, "
        "or a picture with as many colours; give a file with all channels, or one file per channel."
    )
