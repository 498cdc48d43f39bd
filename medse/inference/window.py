"""Sliding window over a volume: NumPy only, the network behind a function."""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.signal.windows import gaussian

from medse.arrays import ImageArray

Infer = Callable[[ImageArray], ImageArray]
"""Takes windows ``(n, C, *patch)`` and returns class scores ``(n, K, *patch)``."""
Progress = Callable[[int, int], object]
"""Is called with how many windows are done and how many there are."""
Box = tuple[slice, ...]


@dataclass(frozen=True)
class Place:
    """Where a window lies.

    Attributes:
        inside: The part of the window that is not padding.
        here: Where this part lies in the volume.
        shares: What share each of its voxels has in the result there: the outer product of a line for each axis.
    """

    inside: Box
    here: Box
    shares: tuple[ImageArray, ...]


class Sums(Protocol):
    """Adds up the class scores of windows, each voxel by its share."""

    def add(self, windows: ImageArray, places: Sequence[Place]) -> None:
        """Add the scores of windows ``(n, C, *patch)``."""

    def array(self) -> ImageArray:
        """Return the sums ``(K, *spatial)``."""


MakeSums = Callable[[tuple[int, ...]], Sums]
"""Returns sums of the shape ``(K, *spatial)`` that are 0."""


class ArraySums:
    """Sums in NumPy, of what a function returns."""

    def __init__(self, infer: Infer, shape: tuple[int, ...]) -> None:
        self.infer = infer
        self.total = np.zeros(shape, np.float32)

    def add(self, windows: ImageArray, places: Sequence[Place]) -> None:
        for place, scores in zip(places, self.infer(windows), strict=True):
            share = _outer(place.shares)
            for sums, values in zip(self.total, scores, strict=True):
                sums[place.here] += values[place.inside] * share

    def array(self) -> ImageArray:
        return self.total


def sliding_window(
    image: ImageArray,
    patch_size: tuple[int, ...],
    sums: Sums,
    *,
    overlap: float = 0.5,
    batch_size: int = 1,
    progress: Progress | None = None,
) -> ImageArray:
    """Return class scores ``(classes, *spatial)`` of ``(C, *spatial)`` from overlapping windows.

    Windows are weighted by a Gaussian, so that their seams, where a network knows least, count least. Axes
    shorter than the patch are padded with 0 on both sides, as the training patches are. Along an axis where
    the patch has length 1 every slice is seen once. Memory is that of the result and of one batch.

    Reference:
        Isensee et al., nnU-Net (Nature Methods 2021): a standard deviation of an eighth of the patch.
    """
    spatial = image.shape[1:]
    missing = [max(0, p - n) for p, n in zip(patch_size, spatial, strict=True)]
    if any(missing):
        image = np.pad(image, [(0, 0), *((m // 2, m - m // 2) for m in missing)])
    inside = tuple(
        slice(m // 2, m // 2 + min(p, n)) for m, p, n in zip(missing, patch_size, spatial, strict=True)
    )
    axes = [_steps(n, p, overlap) for n, p in zip(spatial, patch_size, strict=True)]
    done, number = 0, math.prod(map(len, axes))
    for batch in _batches(itertools.product(*axes), batch_size):
        corners = [[first for first, _ in steps] for steps in batch]
        windows = np.stack([image[(slice(None), *_box(corner, patch_size))] for corner in corners])
        places = []
        for steps, corner in zip(batch, corners, strict=True):
            shares = tuple(share for _, share in steps)
            places.append(Place(inside, _box(corner, [len(share) for share in shares]), shares))
        sums.add(windows, places)
        done += len(batch)
        if progress:
            progress(done, number)
    return sums.array()


Step = tuple[int, ImageArray]
"""First voxel of a window along one axis, and what share each of its voxels has in the result there."""


def _steps(length: int, patch: int, overlap: float) -> list[Step]:
    """Evenly spaced windows that cover ``length`` with at least the given overlap; their shares add up to 1."""
    if length <= patch:
        return [(0, np.ones(length, np.float32))]
    step = max(1, int(patch * (1 - overlap)))
    count = 1 + -(-(length - patch) // step)
    starts = [round(i * (length - patch) / (count - 1)) for i in range(count)]
    weight = gaussian(patch, patch / 8)
    total = np.zeros(length)
    for first in starts:
        total[first : first + patch] += weight
    return [(first, (weight / total[first : first + patch]).astype(np.float32)) for first in starts]


def _batches(places: Iterator[tuple[Step, ...]], size: int) -> Iterator[list[tuple[Step, ...]]]:
    while batch := list(itertools.islice(places, size)):
        yield batch


def _box(corner: Sequence[int], shape: Sequence[int]) -> Box:
    return tuple(slice(first, first + length) for first, length in zip(corner, shape, strict=True))


def _outer(lines: Sequence[ImageArray]) -> ImageArray:
    product: ImageArray = np.ones((), np.float32)
    for line in lines:
        product = np.multiply.outer(product, line)
    return product
