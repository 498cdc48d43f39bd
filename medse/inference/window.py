"""Sliding window over a volume: NumPy only, the network behind a function."""

import itertools
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.signal.windows import gaussian

from medse.volumes.reading import FloatArray

Infer = Callable[[FloatArray], FloatArray]
"""Takes windows ``(n, C, *patch)`` and returns class scores ``(n, K, *patch)``."""


def sliding_window(
    image: FloatArray,
    patch_size: tuple[int, ...],
    classes: int,
    infer: Infer,
    *,
    overlap: float = 0.5,
    batch_size: int = 1,
) -> FloatArray:
    """Return class scores ``(classes, *spatial)`` of ``(C, *spatial)`` from overlapping windows.

    Windows are weighted by a Gaussian, so that their seams, where a network knows least, count least. Axes
    shorter than the patch are padded with 0 on both sides, as the training patches are.

    Reference:
        Isensee et al., nnU-Net (Nature Methods 2021): a standard deviation of an eighth of the patch.
    """
    spatial = image.shape[1:]
    missing = [max(0, p - n) for p, n in zip(patch_size, spatial, strict=True)]
    padded = np.pad(image, [(0, 0), *((n // 2, n - n // 2) for n in missing)])
    starts = (_starts(n, p, overlap) for n, p in zip(padded.shape[1:], patch_size, strict=True))
    places = [
        tuple(slice(first, first + length) for first, length in zip(corner, patch_size, strict=True))
        for corner in itertools.product(*starts)
    ]
    weight = _weight(patch_size)
    total = np.zeros((classes, *padded.shape[1:]), np.float32)
    weights = np.zeros(padded.shape[1:], np.float32)
    for first in range(0, len(places), batch_size):
        batch = places[first : first + batch_size]
        scores = infer(np.stack([padded[(slice(None), *place)] for place in batch]))
        for place, score in zip(batch, scores, strict=True):
            total[(slice(None), *place)] += score * weight
            weights[place] += weight
    inside = tuple(slice(m // 2, m // 2 + n) for m, n in zip(missing, spatial, strict=True))
    scores = total[(slice(None), *inside)]
    scores /= weights[inside]
    return scores


def _starts(length: int, patch: int, overlap: float) -> list[int]:
    """Evenly spaced first voxels that cover ``length`` with at least the given overlap."""
    step = max(1, int(patch * (1 - overlap)))
    count = 1 + -(-(length - patch) // step)
    return [round(i * (length - patch) / max(1, count - 1)) for i in range(count)]


@lru_cache(maxsize=8)
def _weight(patch_size: tuple[int, ...]) -> FloatArray:
    weight = np.ones(patch_size, np.float32)
    for axis, length in enumerate(patch_size):
        shape = [length if i == axis else 1 for i in range(len(patch_size))]
        weight = weight * gaussian(length, length / 8).astype(np.float32).reshape(shape)
    return weight
