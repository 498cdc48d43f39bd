"""NIfTI: its header, where it says that its voxels lie, and whether what it says agrees."""

import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.quaternions import quat2mat

from medse.arrays import FloatArray
from medse.errors import InputError
from medse.volumes.formats.contents import check_size, read_voxels, room_for, stream
from medse.volumes.formats.opened import Opened
from medse.volumes.grid import check_affine, check_spacing

LENGTH = 540
"""Bytes that hold the header of either version."""

_SIZES = {348: nib.Nifti1Header, 540: nib.Nifti2Header}
_SINGLE, _PAIR = {348: b"n+1", 540: b"n+2"}, {348: b"ni1", 540: b"ni2"}
_LINE_ENDS = (13, 10, 26, 10)
_FIRST_VOXEL = {348: 352, 540: 544}
_NUMBERS = {2, 4, 8, 16, 64, 256, 512, 768, 1024, 1280}
_OTHERS = {
    0: "an unknown type",
    1: "single bits",
    32: "complex numbers",
    128: "colours (RGB)",
    1536: "128-bit floats",
    1792: "complex numbers",
    2048: "complex numbers",
    2304: "colours (RGBA)",
}
_NO_VOLUME = {1008: "a point set", 1009: "a triangle mesh"} | dict.fromkeys(
    range(3000, 3100), "a CIFTI matrix"
)


def decode_header(path: Path, block: bytes, *, pair: bool) -> Any:
    """Return the nibabel header in ``block``, in the byte order of the file.

    Args:
        block: Its first :data:`LENGTH` bytes, or what there is.
        pair: Whether the voxels lie in a file of their own.
    """
    orders = (("<", int.from_bytes(block[:4], "little")), (">", int.from_bytes(block[:4], "big")))
    order, size = next(((order, size) for order, size in orders if size in _SIZES), ("", 0))
    if not size:
        raise InputError(
            f"{path} cannot be read as NIfTI (it does not begin with a NIfTI header); check or copy the file again."
        )
    if len(block) < size:
        raise InputError(
            f"{path} cannot be read as NIfTI (it ends after {len(block)} bytes, within its header of {size}); copy "
            "the file again."
        )
    header = _SIZES[size](block[:size], endianness=order, check=False)
    magic = header["magic"].item()
    if magic not in (_SINGLE[size], _PAIR[size]):
        kind = "Analyze 7.5, which does not say which way left is" if size == 348 else "an unknown version"
        raise InputError(
            f"{path} cannot be read as NIfTI (it has no NIfTI mark: it is {kind}, or damaged); convert it to NIfTI "
            "with the tool that wrote it."
        )
    if (magic == _PAIR[size]) != pair:
        says = "one .nii file" if pair else "a .hdr with an .img"
        raise InputError(
            f"{path} says in its header that it is {says}; give it the name that fits its contents."
        )
    if size == 540 and tuple(header["eol_check"]) not in (_LINE_ENDS, (0, 0, 0, 0)):
        raise InputError(
            f"{path} was damaged by a transfer that changed line ends; copy it again in binary mode."
        )
    return header


def check_axes(path: Path | str, header: Any) -> tuple[int, ...]:
    """Check that a header is of a volume, its axes and their spacing, and return the lengths of the axes."""
    if what := _NO_VOLUME.get(int(header["intent_code"]), ""):
        raise InputError(f"{path} holds {what} and no volume; give the volume that belongs to it.")
    axes = int(header["dim"][0])
    shape = tuple(int(n) for n in header["dim"][1 : 1 + min(max(axes, 0), 7)])
    if not 2 <= axes <= 7 or min(shape) < 1:
        raise InputError(
            f"{path} has {axes} axes of lengths {shape}; a volume has 2 to 7 axes of at least one voxel; correct "
            "its header or convert it again."
        )
    check_spacing(path, header["pixdim"][1 : 1 + min(axes, 3)])
    return shape


def check_header(path: Path, header: Any) -> tuple[int, ...]:
    """Check everything but the affine of a raw header, and return the lengths of the axes."""
    shape = check_axes(path, header)
    _check_type(path, header)
    offset, first = float(header["vox_offset"]), _FIRST_VOXEL[int(header["sizeof_hdr"])]
    least = 0 if header["magic"].item() in _PAIR.values() else first
    if not (offset.is_integer() and offset >= least):
        raise InputError(
            f"{path} says that its voxels begin at byte {offset:g}; expected a whole number from {least} on; "
            "correct vox_offset in its header."
        )
    slope, inter = scale_of(header)
    if not (math.isfinite(slope) and math.isfinite(inter)):
        raise InputError(
            f"{path} has the scaling slope {slope:g} and intercept {inter:g}; both must be finite numbers; correct "
            "scl_slope and scl_inter in its header."
        )
    return shape


def scale_of(header: Any) -> tuple[float, float]:
    """Slope and intercept that turn stored numbers into values; a slope of zero means unscaled."""
    slope = float(header["scl_slope"])
    return (slope, float(header["scl_inter"])) if slope != 0 else (1.0, 0.0)


def dtype_of(header: Any) -> np.dtype:
    """The type of the stored numbers, in the byte order of the file."""
    stored: np.dtype = np.dtype(header.get_data_dtype()).newbyteorder(header.endianness)
    return stored


def _check_type(path: Path, header: Any) -> None:
    code, bits = int(header["datatype"]), int(header["bitpix"])
    if code not in _NUMBERS:
        raise InputError(
            f"{path} holds {_OTHERS.get(code, 'an unknown type')} (data type {code}); voxels must be integers or "
            "32- or 64-bit floats; convert it, colours to one volume per channel."
        )
    if bits != (own := dtype_of(header).itemsize * 8):
        raise InputError(
            f"{path} says {bits} bits per voxel for data type {code} of {own} bits; both must "
            "agree; correct datatype or bitpix in its header."
        )


FORMS_TOLERANCE = 1e-2
"""Largest difference of qform and sform, relative to the smallest spacing."""
LENGTH_TOLERANCE = 1e-2
"""Largest relative difference of a spacing and the length of the sform's column."""

_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 1e-3}
"""Unit code -> mm; zero is unknown and taken as mm, as every tool does."""


def affine_of(path: Path | str, header: Any, shape: tuple[int, ...]) -> tuple[FloatArray, bool]:
    """Return the 4x4 affine in mm, and whether it says where the patient's left is.

    A file with neither form set gets a diagonal of its spacings. Where a 2-D file leaves its third axis
    empty, a unit one is put in its place.
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


def _qform(path: Path | str, header: Any, spacing: FloatArray) -> FloatArray:
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


def _sform(path: Path | str, header: Any, spacing: FloatArray, planar: bool) -> FloatArray:
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


def open_nifti(path: Path) -> Opened:
    """Open a ``.nii``, ``.nii.gz`` or ``.hdr`` file."""
    compressed, pair = path.name.lower().endswith(".gz"), path.suffix.lower() == ".hdr"
    with stream(path, compressed) as file:
        block = file.read(LENGTH)
    header = decode_header(path, block, pair=pair)
    shape = check_header(path, header)
    affine, oriented = affine_of(path, header, shape)
    data, offset, dtype = _data_file(path, pair), int(header["vox_offset"]), dtype_of(header)
    promised = math.prod(shape) * dtype.itemsize
    check_size(data, offset + promised, compressed=compressed, exact=True)
    return Opened(
        path,
        shape,
        affine,
        lambda: read_voxels(data, shape, dtype, offset, compressed=compressed, exact=True),
        room_for(promised),
        scale=scale_of(header),
        header=header,
        oriented=oriented,
    )


def _data_file(path: Path, pair: bool) -> Path:
    if not pair:
        return path
    for suffix in (".img", ".IMG"):
        if (data := path.with_suffix(suffix)).is_file() and data.stat().st_size:
            return data
    raise InputError(
        f"{path} is a header without data: {path.with_suffix('.img').name} is missing or empty; put it beside the "
        "header, or give a .nii file that holds both."
    )
