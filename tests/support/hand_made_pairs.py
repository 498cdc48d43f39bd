"""Pairs of masks made by hand: empty, tiny, at the border, a single slice, far apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from medse.metrics.mask_pair import MaskPair

ANISOTROPIC = (0.7, 0.7, 5.0)


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


def hand_made() -> Iterator[Pair]:
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
