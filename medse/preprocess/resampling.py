"""Volumes from one grid to another that covers the same box."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from medse.arrays import ImageArray
from medse.errors import InputError

SAME_SPACING = 0.01
"""Relative difference of spacing below which an axis is not resampled."""
LARGEST_STEP = 32
"""Times that the spacing along an axis may change."""
LARGEST_GROWTH = 512
"""Times that the number of voxels may grow."""


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
    """Resample an image with cubic splines, smoothed first along the axes that shrink."""
    if channel.shape == shape:
        return channel
    shrink = np.array(channel.shape) / shape
    smooth = ndimage.gaussian_filter(channel, np.maximum(0, (shrink - 1) / 2), mode="nearest")
    return _zoom(smooth, shape, order=3)


def resample_linear(channel: ImageArray, shape: tuple[int, ...]) -> ImageArray:
    """Resample a mask or the scores of a class linearly."""
    return channel if channel.shape == shape else _zoom(channel, shape, order=1)


def most_likely(scores: Iterable[ImageArray]) -> npt.NDArray[np.int16]:
    """Return the index of the largest of several volumes, the first of equal ones, holding two at a time."""
    volumes = iter(scores)
    top = next(volumes).copy()
    best = np.zeros(top.shape, dtype=np.int16)
    for index, score in enumerate(volumes, start=1):
        higher = score > top
        best[higher] = index
        np.copyto(top, score, where=higher)
    return best


def _zoom(array: ImageArray, shape: tuple[int, ...], order: int) -> ImageArray:
    factors = [new / old for new, old in zip(shape, array.shape, strict=True)]
    zoomed: ImageArray = ndimage.zoom(array, factors, order=order, mode="nearest", grid_mode=True)
    return zoomed
