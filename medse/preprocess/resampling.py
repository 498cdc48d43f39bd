"""Volumes from one grid to another that covers the same box."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from medse.arrays import FloatArray, ImageArray, LabelArray
from medse.errors import InputError

SAME_SPACING = 0.01
"""Relative difference of spacing below which an axis is not resampled."""
LARGEST_STEP = 32
"""Times that the spacing along an axis may change."""
LARGEST_GROWTH = 512
"""Times that the number of voxels may grow."""
SLAB = 1 << 22
"""Voxels of an image that are held in 64 bits at a time."""
BLOCK = 16
"""Voxels along each axis of what is resampled linearly at a time: small enough for the cache and for few classes."""

Box = tuple[slice, ...]


def resampled_shape(
    shape: Sequence[int], old_mm: Sequence[float], new_mm: Sequence[float], source: str
) -> tuple[int, ...]:
    """Shape of a box of ``shape`` voxels of spacing ``old_mm`` when resampled to ``new_mm``.

    Raises:
        InputError: The spacings differ so much that one of them must be wrong, and memory could run out.
    """
    steps = [old / new for old, new in zip(old_mm, new_mm, strict=True)]
    too_far = not all(1 / LARGEST_STEP <= step <= LARGEST_STEP for step in steps)
    rounded = [round(step, 6) for step in steps]  # rounding errors in headers must not decide about halves
    found = tuple(
        n if abs(step - 1) <= SAME_SPACING else max(1, round(n * step))
        for n, step in zip(shape, rounded, strict=True)
    )
    if too_far or math.prod(found) > LARGEST_GROWTH * math.prod(shape):
        old, new = (" x ".join(f"{mm:.4g}" for mm in spacing) for spacing in (old_mm, new_mm))
        raise InputError(
            f"{source} has a spacing of {old} mm, but the training grid has {new} mm; a spacing may change up to "
            f"{LARGEST_STEP} times and a volume grow to {LARGEST_GROWTH} times its voxels; correct the spacing "
            "or its unit in the header, or data.spacing_mm."
        )
    return found


def resample_cubic(channel: ImageArray, shape: tuple[int, ...]) -> ImageArray:
    """Resample an image with cubic splines, smoothed first along the axes that shrink.

    Each axis is a product with a matrix, so that BLAS does the work; the axis that shrinks most goes first.
    """
    steps = [new / old for old, new in zip(channel.shape, shape, strict=True)]
    for axis in np.argsort(steps, kind="stable").tolist():
        if channel.shape[axis] != shape[axis]:
            channel = _along(axis, _cubic(channel.shape[axis], shape[axis]), channel)
    return np.ascontiguousarray(channel)


def resample_classes(scores: ImageArray, shape: tuple[int, ...]) -> npt.NDArray[np.int16]:
    """Resample class scores ``(K, *spatial)`` linearly and return which is largest, the first of equal ones.

    A class that in some block lies nowhere above the lowest score of another is not resampled there: linear
    interpolation keeps it below.
    """
    if scores.shape[1:] == shape:
        return most_likely(scores)
    best = np.empty(shape, np.int16)
    for block, box, lines in _blocks(scores.shape[1:], shape):
        part = scores[(slice(None), *box)]
        spatial = tuple(range(1, part.ndim))
        possible = np.flatnonzero(part.max(axis=spatial) >= part.min(axis=spatial).max())
        if len(possible) == 1:
            best[block] = possible[0]
        else:
            best[block] = possible[most_likely(_products(lines, part[possible]))]
    return best


def resample_labels(indices: LabelArray, shape: tuple[int, ...]) -> LabelArray:
    """Resample class indices ``(*spatial)``: each class as a mask, linearly, and the largest is taken."""
    if indices.shape == shape:
        return np.ascontiguousarray(indices)
    best = np.empty(shape, indices.dtype)
    for block, box, lines in _blocks(indices.shape, shape):
        part = indices[box]
        present = np.unique(part)
        if len(present) == 1:
            best[block] = present[0]
        else:
            masks = part[None] == present.reshape(-1, *(1,) * part.ndim)
            best[block] = present[most_likely(_products(lines, masks.astype(np.float64)))]
    return best


def most_likely(scores: Iterable[npt.NDArray[np.floating[Any]]]) -> npt.NDArray[np.int16]:
    """Return the index of the largest of several volumes, the first of equal ones, holding two at a time."""
    volumes = iter(scores)
    top = next(volumes).copy()
    best = np.zeros(top.shape, dtype=np.int16)
    for index, score in enumerate(volumes, start=1):
        higher = score > top
        best[higher] = index
        np.copyto(top, score, where=higher)
    return best


@lru_cache(32)
def _cubic(old: int, new: int) -> FloatArray:
    """Return ``(new, old)``: how each voxel of a line is made of those before, as SciPy makes it of unit lines."""
    lines = np.eye(old)
    if new < old:
        lines = ndimage.gaussian_filter1d(lines, (old / new - 1) / 2, axis=0, mode="nearest")
    matrix: FloatArray = ndimage.zoom(lines, (new / old, 1), order=3, mode="nearest", grid_mode=True)
    return matrix


def _along(axis: int, matrix: FloatArray, volume: ImageArray) -> ImageArray:
    """Multiply the lines of a volume along an axis with a matrix: in 64 bits, a slab at a time."""
    lines = np.moveaxis(volume, axis, 0)
    result = np.empty((len(matrix), *lines.shape[1:]), np.float32)
    slab = max(1, SLAB // (lines[:, :1].size or 1))
    for start in range(0, lines.shape[1], slab):
        part = lines[:, start : start + slab].astype(np.float64)
        result[:, start : start + slab] = np.tensordot(matrix, part, 1)
    return np.moveaxis(result, 0, axis)


def _blocks(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[Box, Box, list[FloatArray]]]:
    """Yield blocks of the new grid, the box of the old one that each depends on, and a matrix for each axis."""
    per_axis = []
    for before, after in zip(old, new, strict=True):
        matrix = _linear(before, after)
        edges = range(0, after, BLOCK)
        per_axis.append([_needed(matrix, slice(first, min(first + BLOCK, after))) for first in edges])
    for parts in itertools.product(*per_axis):
        yield tuple(part[0] for part in parts), tuple(part[1] for part in parts), [part[2] for part in parts]


def _linear(old: int, new: int) -> FloatArray:
    """Return ``(new, old)``: how each voxel of a line lies between two of those before; beyond the ends, at them."""
    place = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    first = np.minimum(place.astype(np.int64), max(0, old - 2))
    matrix = np.zeros((new, old))
    rows = np.arange(new)
    matrix[rows, first] = 1 - (place - first)
    matrix[rows, np.minimum(first + 1, old - 1)] += place - first
    return matrix


def _needed(matrix: FloatArray, rows: slice) -> tuple[slice, slice, FloatArray]:
    used = np.flatnonzero(matrix[rows].any(axis=0))
    columns = slice(int(used[0]), int(used[-1]) + 1)
    return rows, columns, matrix[rows, columns]


def _products(lines: Sequence[FloatArray], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Multiply ``(K, *spatial)`` along each spatial axis with its matrix, in the type of the values."""
    for axis, matrix in enumerate(lines, start=1):
        before, (length, *after) = values.shape[:axis], values.shape[axis:]
        weights = matrix.astype(values.dtype)
        if after:
            product = np.matmul(weights, values.reshape(math.prod(before), length, math.prod(after)))
        else:  # one large product instead of one for each line
            product = np.matmul(values.reshape(-1, length), weights.T)
        values = product.reshape(*before, len(weights), *after)
    return values
