"""Images and masks at another size, without aliasing: area averages where they shrink, linear where they grow."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from medse.arrays import FloatArray, ImageArray


def fitted(extents: Sequence[float], size: Sequence[int]) -> tuple[int, ...]:
    """Return the lengths in pixels of a box that fills ``size`` along one axis at least and keeps its proportions.

    Args:
        extents: Lengths of the box, in mm or any other unit.
    """
    factor = min(most / extent for most, extent in zip(size, extents, strict=True))
    return tuple(
        min(most, max(1, round(extent * factor))) for most, extent in zip(size, extents, strict=True)
    )


def scaled(image: ImageArray, shape: Sequence[int]) -> ImageArray:
    """Return ``(C, *S)`` as ``(C, *shape)``, the axis that shrinks most first."""
    steps = [new / old for old, new in zip(image.shape[1:], shape, strict=True)]
    for axis in np.argsort(steps, kind="stable").tolist():
        if image.shape[1 + axis] != shape[axis]:
            lines = np.moveaxis(image, 1 + axis, -1) @ _weights(image.shape[1 + axis], shape[axis]).T
            image = np.moveaxis(lines, -1, 1 + axis)
    return np.ascontiguousarray(image)


def scaled_mask(mask: npt.NDArray[np.bool_], shape: Sequence[int]) -> npt.NDArray[np.uint8]:
    """Return a mask ``(*S)`` as ``(*shape)``: pixels of which it covers a half; one at least, if it covers any."""
    share = scaled(mask[None].astype(np.float32), shape)[0]
    found = share >= 0.5 - 1e-6  # halves that are rounded
    if mask.any() and not found.any():
        found[np.unravel_index(share.argmax(), share.shape)] = True
    small: npt.NDArray[np.uint8] = found.astype(np.uint8)
    return small


@lru_cache(64)
def _weights(old: int, new: int) -> ImageArray:
    """Return ``(new, old)``: how each pixel of a line is made of those before.

    Pixel i of a line that shrinks is the mean of what it covers, from ``i * old / new`` to ``(i + 1) * old / new``;
    of one that grows, what lies at its middle between the middles of two.
    """
    if new < old:
        edges = np.arange(new + 1) * (old / new)
        pixels = np.arange(old)
        upper = np.minimum(edges[1:, None], pixels + 1)
        lower = np.maximum(edges[:-1, None], pixels)
        weights: FloatArray = np.clip(upper - lower, 0, 1) * (new / old)
        return weights.astype(np.float32)
    middles = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    near: FloatArray = np.clip(1 - np.abs(middles[:, None] - np.arange(old)), 0, 1)
    return near.astype(np.float32)
