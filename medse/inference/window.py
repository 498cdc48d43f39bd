"""Sliding window over a volume: NumPy only, the network behind a function."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy.signal.windows import gaussian

from medse.arrays import ImageArray

Infer = Callable[[ImageArray], ImageArray]
"""Takes windows ``(n, C, *patch)`` and returns class scores ``(n, K, *patch)``."""

Step = tuple[int, ImageArray]
"""First voxel of a window along one axis, and what share each of its voxels has in the result there."""


def sliding_window(
    image: ImageArray,
    patch_size: tuple[int, ...],
    classes: int,
    infer: Infer,
    *,
    overlap: float = 0.5,
    batch_size: int = 1,
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
    total = np.zeros((classes, *spatial), np.float32)
    axes = (_steps(n, p, overlap) for n, p in zip(spatial, patch_size, strict=True))
    for batch in _batches(itertools.product(*axes), batch_size):
        corners = [[first for first, _ in steps] for steps in batch]
        windows = [image[(slice(None), *_box(corner, patch_size))] for corner in corners]
        for steps, corner, scores in zip(batch, corners, infer(np.stack(windows)), strict=True):
            share = _outer([share for _, share in steps])
            here = _box(corner, share.shape)
            for sums, values in zip(total, scores, strict=True):
                sums[here] += values[inside] * share
    return total


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


def _box(corner: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    return tuple(slice(first, first + length) for first, length in zip(corner, shape, strict=True))


def _outer(lines: Sequence[ImageArray]) -> ImageArray:
    product: ImageArray = np.ones((), np.float32)
    for line in lines:
        product = np.multiply.outer(product, line)
    return product
