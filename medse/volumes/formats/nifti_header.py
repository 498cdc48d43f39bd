"""The raw header of a NIfTI file: decoded and checked before anything repairs it silently."""

import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from medse.errors import InputError
from medse.volumes.grid import check_spacing

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


def decode(path: Path, block: bytes, *, pair: bool) -> Any:
    """Return the nibabel header in ``block``, in the byte order of the file.

    Args:
        path: The file, for messages.
        block: Its first :data:`LENGTH` bytes, or what there is.
        pair: Whether the voxels lie in a file of their own.

    Raises:
        InputError: It is no NIfTI header, is cut short, or belongs to the other arrangement of files.
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


def check(path: Path, header: Any) -> tuple[int, ...]:
    """Check everything but the affine of a raw header, and return the lengths of the axes.

    Raises:
        InputError: The file is no volume of numbers, or its header contradicts itself.
    """
    if what := _NO_VOLUME.get(int(header["intent_code"]), ""):
        raise InputError(f"{path} holds {what} and no volume; give the volume that belongs to it.")
    axes = int(header["dim"][0])
    shape = tuple(int(n) for n in header["dim"][1 : 1 + min(max(axes, 0), 7)])
    if not 2 <= axes <= 7 or min(shape) < 1:
        raise InputError(
            f"{path} has {axes} axes of lengths {shape}; a volume has 2 to 7 axes of at least one voxel; correct "
            "its header or convert it again."
        )
    _check_type(path, header)
    check_spacing(path, header["pixdim"][1 : 1 + min(axes, 3)])
    offset, first = float(header["vox_offset"]), _FIRST_VOXEL[int(header["sizeof_hdr"])]
    least = 0 if header["magic"].item() in _PAIR.values() else first
    if not (offset.is_integer() and offset >= least):
        raise InputError(
            f"{path} says that its voxels begin at byte {offset:g}; expected a whole number from {least} on; "
            "correct vox_offset in its header."
        )
    slope, inter = scale(header)
    if not (math.isfinite(slope) and math.isfinite(inter)):
        raise InputError(
            f"{path} has the scaling slope {slope:g} and intercept {inter:g}; both must be finite numbers; correct "
            "scl_slope and scl_inter in its header."
        )
    return shape


def scale(header: Any) -> tuple[float, float]:
    """Slope and intercept that turn stored numbers into values; a slope of zero means unscaled."""
    slope = float(header["scl_slope"])
    return (slope, float(header["scl_inter"])) if slope != 0 else (1.0, 0.0)


def dtype(header: Any) -> np.dtype:
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
    if bits != dtype(header).itemsize * 8:
        raise InputError(
            f"{path} says {bits} bits per voxel for data type {code} of {dtype(header).itemsize * 8} bits; both must "
            "agree; correct datatype or bitpix in its header."
        )
