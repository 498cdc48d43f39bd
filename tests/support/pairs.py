"""Pairs of masks on which conventions are compared with packages: made by hand, and random, always the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import ndimage

from medse.metrics.mask_pair import MaskPair

ANISOTROPIC = (0.7, 0.7, 5.0)
SEED = 20_231
PAIRS_PER_KIND = 25


@dataclass(frozen=True, eq=False)
class Pair:
    """Two masks, 2-D or 3-D, and the tolerance of NSD."""

    name: str
    reference: np.ndarray
    prediction: np.ndarray
    spacing_mm: tuple[float, ...]
    tolerance_mm: float

    @property
    def empty(self) -> tuple[bool, bool]:
        """Whether the reference and whether the prediction is empty."""
        return not self.reference.any(), not self.prediction.any()

    def masks(self) -> MaskPair:
        """The same, as conventions take it."""
        return MaskPair.of(self.reference, self.prediction, self.spacing_mm, tolerance_mm=self.tolerance_mm)


def ball(
    shape: tuple[int, ...], centre: tuple[float, ...], radius: float, spacing_mm: tuple[float, ...]
) -> np.ndarray:
    """Return the voxels whose middle is within ``radius`` mm of ``centre`` (a voxel position)."""
    offsets = [(np.arange(n) - c) * mm for n, c, mm in zip(shape, centre, spacing_mm, strict=True)]
    return sum(each**2 for each in np.meshgrid(*offsets, indexing="ij", sparse=True)) <= radius**2


def outlier() -> Pair:
    """A ball of radius 14 voxels and the same with a detached blob: the pair on which tools disagree."""
    shape, spacing = (48, 48, 80), (1.0, 1.0, 1.0)
    reference = ball(shape, (20, 20, 20), 14, spacing)
    return Pair(
        "ball and detached blob", reference, reference | ball(shape, (20, 20, 62), 6, spacing), spacing, 2.0
    )


def _box(shape: tuple[int, ...], *corners: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*corner) for corner in corners)] = True
    return mask


def _hand_made() -> Iterator[Pair]:
    shape = (12, 11, 9)
    empty, cube = np.zeros(shape, bool), _box(shape, (3, 8), (2, 7), (2, 6))
    corner, voxel = _box(shape, (0, 1), (0, 1), (0, 1)), _box(shape, (5, 6), (5, 6), (4, 5))
    slab, moved = _box(shape, (0, 12), (0, 11), (3, 4)), _box(shape, (0, 12), (0, 11), (5, 6))
    for spacing in ((1.0, 1.0, 1.0), ANISOTROPIC):
        for name, reference, prediction in (
            ("both empty", empty, empty),
            ("prediction empty", cube, empty),
            ("reference empty", empty, cube),
            ("prediction empty, one voxel", voxel, empty),
            ("reference empty, a voxel at the origin", empty, corner),
            ("equal", cube, cube),
            ("same voxel", voxel, voxel),
            ("two voxels two apart", voxel, np.roll(voxel, 2, 0)),
            ("touching voxels", voxel, np.roll(voxel, 1, 2)),
            ("voxels in opposite corners", corner, corner[::-1, ::-1, ::-1]),
            ("voxel in a cube", voxel, cube),
            ("at the border", _box(shape, (0, 5), (0, 6), (0, 4)), _box(shape, (0, 6), (0, 5), (0, 5))),
            (
                "at opposite borders",
                _box(shape, (0, 3), (2, 9), (0, 9)),
                _box(shape, (9, 12), (2, 9), (0, 9)),
            ),
            ("whole image", ~empty, cube),
            ("whole image twice", ~empty, ~empty),
            ("shifted sheet", slab, moved),
            ("crossing sheets", slab, _box(shape, (5, 6), (0, 11), (0, 9))),
            ("hole", cube & ~voxel, cube),
            ("checkerboard", np.indices(shape).sum(0) % 2 == 0, np.indices(shape).sum(0) % 2 == 1),
        ):
            yield Pair(f"{name}, {spacing}", reference, prediction, spacing, spacing[0] * 2)
    flat = (14, 12, 1)
    for name, first, second in (
        ("one slice", ((2, 9), (3, 8), (0, 1)), ((4, 9), (2, 9), (0, 1))),
        ("one slice, one pixel", ((2, 3), (3, 4), (0, 1)), ((6, 7), (3, 4), (0, 1))),
        ("one slice, at the border", ((0, 14), (0, 5), (0, 1)), ((0, 14), (0, 12), (0, 1))),
        ("one slice, prediction empty", ((2, 9), (3, 8), (0, 1)), ((0, 0), (0, 0), (0, 0))),
    ):
        reference, prediction = _box(flat, *first), _box(flat, *second)
        yield Pair(name, reference, prediction, ANISOTROPIC, 1.4)
        yield Pair(f"2-D, {name}", reference[..., 0], prediction[..., 0], (0.7, 0.9), 1.4)
    exact = np.array([[[0, 1, 0, 1, 1], [1, 1, 0, 0, 0]], [[0, 1, 0, 1, 0], [1, 0, 1, 0, 1]]], bool)
    yield Pair("2-D, rounding decides which element reaches 95 %", exact[0], exact[1], (2.0, 0.5), 1.0)
    yield outlier()
    yield _long_line()


def _long_line() -> Pair:
    """A line of which 5 % are elsewhere: the percentile falls between the last distance 0 and the first 1.

    The length is one at which MONAI's rank in single precision is 1.6 % off; an axis longer than 32767 it refuses.
    """
    length, elsewhere = 31_980, 1599
    reference, prediction = np.zeros((2, 8, length), bool)
    reference[1:3] = True
    prediction[1:3, elsewhere:] = True
    prediction[5:7, :elsewhere] = True
    return Pair("2-D, long line", reference, prediction, (1.0, 1.0), 1.0)


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


def _random() -> Iterator[Pair]:
    for number, (kind, (draw, shapes)) in enumerate(_KINDS.items()):
        for k in range(PAIRS_PER_KIND):
            random = np.random.default_rng([SEED, number, k])
            shape = shapes[k % len(shapes)]
            spacing = _spacing(random, len(shape))
            tolerance = [0.5, 1.0, 3.7, spacing[0], 3 * spacing[0], float(np.hypot(*spacing[:2]))][
                random.integers(6)
            ]
            yield Pair(f"{kind} {k}", *draw(random, shape), spacing, tolerance)


@cache
def all_pairs() -> tuple[Pair, ...]:
    """Return the hand-made and the random pairs."""
    return (*_hand_made(), *_random())
