"""Random pairs of masks, always the same ones."""

from collections.abc import Callable, Iterator

import numpy as np
from scipy import ndimage

from tests.support.hand_made_pairs import ANISOTROPIC, Pair

SEED = 20_231
PAIRS_PER_KIND = 25


def _blob(random: np.random.Generator, shape: tuple[int, ...], smooth: float, share: float) -> np.ndarray:
    field = ndimage.gaussian_filter(random.normal(size=shape), smooth)
    return field > np.quantile(field, 1 - share)


def _disturbed(random: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """Move, grow and lose a part of a mask, as a prediction would."""
    other = ndimage.shift(mask.astype(float), random.uniform(-2, 2, mask.ndim), order=1) > random.uniform(
        0.3, 0.7
    )
    return other ^ (random.random(mask.shape) < 0.01)


def _sheet(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    height = ndimage.gaussian_filter(random.normal(size=shape[:-1]), 3)
    height = (height - height.min()) / np.ptp(height) * (shape[-1] - 1)
    return np.arange(shape[-1]) == np.round(height)[..., None]


def _spacing(random: np.random.Generator, spatial_dims: int) -> tuple[float, ...]:
    usual = [(1.0, 1.0, 1.0), ANISOTROPIC, (0.7, 0.7, 0.7), (2.0, 0.5, 1.5)]
    own = tuple(float(mm) for mm in random.uniform(0.3, 4, 3).round(3))
    return [*usual, own][random.integers(len(usual) + 1)][:spatial_dims]


def _blobs(random: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    reference = _blob(random, shape, 2.5, 0.15)
    return reference, _disturbed(random, reference)


def _noise(random: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return random.random(shape) < 0.3, random.random(shape) < 0.3


def _sheets(random: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    return _sheet(random, shape), _sheet(random, shape)


def _voxels(random: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    masks = np.zeros((2, *shape), bool)
    for mask in masks:
        mask[tuple(random.integers(0, shape, (random.integers(1, 4), len(shape))).T)] = True
    return masks[0], masks[1]


def _detached(random: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    reference, prediction = np.zeros((2, *shape), bool)
    reference[tuple(slice(1, n // 2) for n in shape)] = True
    prediction |= _disturbed(random, reference)
    prediction[tuple(slice(n - int(random.integers(1, 4)), n) for n in shape)] = True
    return reference, prediction


_Masks = Callable[[np.random.Generator, tuple[int, ...]], tuple[np.ndarray, np.ndarray]]
_KINDS: dict[str, tuple[_Masks, tuple[tuple[int, ...], ...]]] = {
    "blobs": (_blobs, ((22, 19, 12), (15, 24, 16))),
    "noise": (_noise, ((9, 8, 7), (12, 13))),
    "sheets": (_sheets, ((16, 14, 12), (18, 13))),
    "voxels": (_voxels, ((17, 13, 9), (20, 15))),
    "detached": (_detached, ((20, 18, 14),)),
    "one slice": (_blobs, ((26, 21, 1), (1, 24, 22))),
    "2-D blobs": (_blobs, ((31, 27),)),
    "small": (_noise, ((2, 3, 2), (1, 4, 3), (3, 2), (1, 1, 4))),
}
"""Kind -> what draws two masks, and the shapes that they take in turn."""


def random_pairs() -> Iterator[Pair]:
    for number, (kind, (draw, shapes)) in enumerate(_KINDS.items()):
        for k in range(PAIRS_PER_KIND):
            random = np.random.default_rng([SEED, number, k])
            shape = shapes[k % len(shapes)]
            spacing = _spacing(random, len(shape))
            tolerance = [0.5, 1.0, 3.7, spacing[0], 3 * spacing[0], float(np.hypot(*spacing[:2]))][
                random.integers(6)
            ]
            yield Pair(f"{kind} {k}", *draw(random, shape), spacing, tolerance)
