"""Where a NIfTI file says that its voxels lie, and whether its ways of saying it agree."""

from pathlib import Path
from typing import Any

import numpy as np
from nibabel.quaternions import quat2mat

from medse.arrays import FloatArray
from medse.errors import InputError
from medse.volumes.grid import check_affine

FORMS_TOLERANCE = 1e-2
"""Largest difference of qform and sform, relative to the smallest spacing."""
LENGTH_TOLERANCE = 1e-2
"""Largest relative difference of a spacing and the length of the sform's column."""

_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}
"""Unit code -> mm; zero is unknown and taken as mm, as every tool does."""


def affine_of(path: Path, header: Any, shape: tuple[int, ...]) -> tuple[FloatArray, bool]:
    """Return the 4x4 affine in mm, and whether it says where the patient's left is.

    A file with neither form set gets a diagonal of its spacings. Where a 2-D file leaves its third axis
    empty, a unit one is put in its place.

    Raises:
        InputError: The forms disagree, or the affine is unusable.
    """
    unit = int(header["xyzt_units"]) & 7
    if unit not in _MM:
        raise InputError(
            f"{path} has the unit code {unit} for its spacing; allowed are 1 (m), 2 (mm), 3 (micron) and 0 "
            "(unknown, taken as mm); correct xyzt_units in its header."
        )
    planar = len(shape) == 2
    spacing = np.asarray(header["pixdim"][1:4], dtype=np.float64)
    if planar and not (np.isfinite(spacing[2]) and spacing[2] > 0):
        spacing[2] = 1 / _MM[unit]
    codes = int(header["qform_code"]), int(header["sform_code"])
    if not all(0 <= code <= 5 for code in codes):
        raise InputError(
            f"{path} has the qform code {codes[0]} and the sform code {codes[1]}; allowed are 0 (not set) to 5; "
            "correct them in its header."
        )
    qform = _qform(path, header, spacing) if codes[0] > 0 else None
    sform = _sform(path, header, spacing, planar) if codes[1] > 0 else None
    if qform is not None and sform is not None and not _agree(qform, sform, spacing, planar):
        difference = np.nanmax(np.abs(qform - sform))
        raise InputError(
            f"{path} has a qform (code {codes[0]}) and an sform (code {codes[1]}) that disagree by up to "
            f"{difference:.4g}; they must place the voxels alike; set the code of the wrong one to 0."
        )
    chosen = sform if sform is not None else qform
    affine = np.diag([*spacing, 1.0]) if chosen is None else chosen
    affine[:3] *= _MM[unit]
    if chosen is not None:
        check_affine(path, affine, shape)
    return affine, chosen is not None


def _qform(path: Path, header: Any, spacing: FloatArray) -> FloatArray:
    if (factor := float(header["pixdim"][0])) not in (-1, 0, 1):
        raise InputError(f"{path} has pixdim[0] = {factor:g}; it must be -1 or 1; correct its header.")
    try:
        rotation = header.get_qform_quaternion()
    except ValueError as error:
        raise InputError(
            f"{path} has a qform whose quaternion is longer than 1; correct its header or set qform_code to 0."
        ) from error
    affine = np.eye(4)
    affine[:3, :3] = quat2mat(rotation)
    affine[:3, :3] *= spacing * (1, 1, -1 if factor < 0 else 1)
    affine[:3, 3] = [float(header[f"qoffset_{letter}"]) for letter in "xyz"]
    return affine


def _sform(path: Path, header: Any, spacing: FloatArray, planar: bool) -> FloatArray:
    affine = np.eye(4)
    affine[:3] = [np.asarray(header[f"srow_{letter}"], dtype=np.float64) for letter in "xyz"]
    if planar and not affine[:3, 2].any():
        with np.errstate(all="ignore"):
            normal = np.cross(affine[:3, 0], affine[:3, 1])
            normal *= np.sign(normal[np.argmax(np.abs(normal))])
            affine[:3, 2] = spacing[2] * normal / np.linalg.norm(normal)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(affine[:3, : 2 if planar else 3], axis=0)
        off = np.abs(lengths / spacing[: len(lengths)] - 1)
    if np.isfinite(lengths).all() and (off > LENGTH_TOLERANCE).any():
        raise InputError(
            f"{path} has the spacing {_numbers(spacing[: len(lengths)])} in pixdim and {_numbers(lengths)} in its "
            "sform; they must agree within 1 %; correct the wrong one in its header."
        )
    return affine


def _agree(qform: FloatArray, sform: FloatArray, spacing: FloatArray, planar: bool) -> bool:
    columns = [0, 1, 3] if planar else [0, 1, 2, 3]
    with np.errstate(all="ignore"):
        difference = np.abs(qform - sform)[:, columns]
    return bool((difference <= FORMS_TOLERANCE * spacing[: 2 if planar else 3].min()).all())


def _numbers(values: FloatArray) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
