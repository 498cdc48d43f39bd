"""A file between its header and its voxels, and from the numbers it stores to an image or a label map."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from medse.arrays import AnyArray, FloatArray, ImageArray, LabelArray
from medse.errors import InputError
from medse.machine import available_memory


@dataclass(frozen=True)
class Opened:
    """A file whose header is sound and promises no more than the file holds; its voxels are not read yet.

    Attributes:
        path: The file; or what to call a volume that comes from memory.
        shape: Lengths of its own axes, two or more, without the values of a voxel.
        affine: 4x4 voxel-to-world matrix in mm, RAS; may be sheared.
        voxels: Reads the stored numbers: ``shape``, or ``(*shape, components)`` when there are several.
        stored_bytes: Bytes of memory that reading them takes at most.
        components: Values per voxel that the format keeps apart from the axes (colours, vectors).
        scale: Slope and intercept that turn stored numbers into values.
        header: The NIfTI header; None for other formats.
        oriented: Whether the file says where the patient's left is.
        unfit_image: Why the file cannot be an image, or nothing.
        unfit_labels: Why the file cannot be a label map, or nothing.
        largest: The largest number that a pixel of a picture can store; 0 of what is no picture.
    """

    path: Path | str
    shape: tuple[int, ...]
    affine: FloatArray
    voxels: Callable[[], AnyArray]
    stored_bytes: int
    components: int = 1
    scale: tuple[float, float] = (1.0, 0.0)
    header: Any = None
    oriented: bool = True
    unfit_image: str = ""
    unfit_labels: str = ""
    largest: int = 0


_BLOCK = 1 << 16
"""AnyArray that are converted at a time, so that wide intermediate numbers stay few."""
_EXACT = 2.0**53
"""Whole numbers beyond this are not all told apart by a 64-bit float."""


def image_values(opened: Opened) -> ImageArray:
    """Read the voxels as float32, in their stored shape."""
    if opened.unfit_image:
        raise InputError(f"{opened.path} cannot be used as an image: {opened.unfit_image}.")
    with _memory_for(opened, opened.stored_bytes + _count(opened) * np.dtype(np.float32).itemsize):
        stored = opened.voxels()
        values = np.empty_like(stored, dtype=np.float32)
    flat = values.ravel(order="K")
    bad = 0
    for start, block in _blocks(stored, opened.scale):
        with np.errstate(over="ignore", invalid="ignore"):
            flat[start : start + len(block)] = block
        bad += len(block) - int(np.count_nonzero(np.isfinite(flat[start : start + len(block)])))
    if bad:
        raise InputError(
            f"{opened.path} holds {bad} NaN or infinite voxels of {values.size} (as 32-bit floats); every voxel must "
            "be a finite number; replace them, for instance with the background value."
        )
    return values


def label_values(opened: Opened) -> LabelArray:
    """Read the voxels as integers, in their stored shape; floats must be whole numbers."""
    with _memory_for(opened, opened.stored_bytes):
        stored = opened.voxels()
    if np.issubdtype(stored.dtype, np.integer) and opened.scale == (1.0, 0.0):
        if stored.dtype.kind == "u" and stored.dtype.itemsize == 8:
            return _narrowed(opened, stored)
        native: LabelArray = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        return native
    lowest, highest = 0.0, 0.0
    for _, block in _blocks(stored, opened.scale):
        with np.errstate(invalid="ignore"):
            wrong = ~(np.isfinite(block) & (block == np.rint(block)) & (np.abs(block) <= _EXACT))
        if wrong.any():
            cause, remedy = _scaled(opened, stored)
            raise InputError(
                f"{opened.path} is not a label map: it holds {block[wrong][0]:.9g}{cause}; labels must be whole "
                f"numbers; {remedy}."
            )
        lowest, highest = min(lowest, float(block.min())), max(highest, float(block.max()))
    kind = np.dtype(np.int32 if lowest >= -(2**31) and highest < 2**31 else np.int64)
    with _memory_for(opened, stored.size * kind.itemsize):
        values: LabelArray = np.empty_like(stored, dtype=kind)
    flat = values.ravel(order="K")
    for start, block in _blocks(stored, opened.scale):
        flat[start : start + len(block)] = block
    return values


def _count(opened: Opened) -> int:
    return math.prod(opened.shape) * opened.components


@contextmanager
def _memory_for(opened: Opened, needed: int) -> Iterator[None]:
    """Refuse a file of which the next step takes more bytes of memory than there are, before any is taken."""
    free = available_memory()
    refusal = (
        f"{opened.path} promises {_count(opened):,} voxel values; reading takes {needed / 1e9:.3g} GB more memory "
        f"and {free / 1e9:.3g} GB are free; crop it or make it coarser, or use a machine with more memory."
    )
    if needed > free:
        raise InputError(refusal)
    try:
        yield
    except MemoryError as error:
        raise InputError(refusal) from error


def _scaled(opened: Opened, stored: AnyArray) -> tuple[str, str]:
    """Why a value is broken and what to do, by whether the header made it of a whole number."""
    if opened.scale == (1.0, 0.0) or not np.issubdtype(stored.dtype, np.integer):
        return "", "save it with integer values"
    slope, inter = opened.scale
    return (
        f" (the stored number times the slope {slope:.9g} plus the intercept {inter:.9g})",
        "set scl_slope to 1 and scl_inter to 0 in its header if the stored numbers are the labels",
    )


def _narrowed(opened: Opened, stored: AnyArray) -> npt.NDArray[np.int64]:
    if (largest := int(stored.max())) >= 2**63:
        raise InputError(
            f"{opened.path} holds the label {largest}; labels must be below 2^63; save it with smaller values."
        )
    return stored.astype(np.int64)


def _blocks(stored: AnyArray, scale: tuple[float, float]) -> Iterator[tuple[int, AnyArray]]:
    """Yield runs of values in memory order, each with its position; scaled ones as float64."""
    slope, inter = scale
    flat = stored.ravel(order="K")
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        if scale != (1.0, 0.0):
            with np.errstate(all="ignore"):
                block = block.astype(np.float64) * slope + inter
        yield start, block
