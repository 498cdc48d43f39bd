"""What a voxel-to-world matrix must be, whatever format it comes from."""

import shlex
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medse.arrays import FloatArray
from medse.errors import InputError
from medse.volumes.formats.opened import Opened

FARTHEST_MM = 10_000.0
"""Longest plausible field of view, and the farthest that a scan may lie from the origin."""
LARGEST_COSINE = 1e-2
"""Axes whose angle has a larger cosine are not at right angles."""


def check_spacing(path: Path, spacing: npt.ArrayLike) -> None:
    """Raise unless every spacing is a positive finite number.

    Raises:
        InputError: One is not.
    """
    lengths = np.asarray(spacing, dtype=np.float64)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise InputError(
            f"{path} has the voxel spacing {_numbers(lengths)}; every axis needs a positive one in mm; correct "
            "its header."
        )


def check_affine(path: Path, affine: FloatArray, shape: tuple[int, ...]) -> None:
    """Raise unless ``affine`` can be inverted and places the volume within metres of the origin.

    Raises:
        InputError: It is not finite, singular or implausible.
    """
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
    """Raise unless the axes of the volume are at right angles.

    Raises:
        InputError: They are sheared.
    """
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
