"""What a convention makes its scores of: two label maps on one grid, and one class of them."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from medse.arrays import BoolArray, LabelArray, bounding_box
from medse.metrics.overlap import Counts, PairCounts, count_pairs
from medse.metrics.surfaces import LabelSurfaces, SurfaceDistances, SurfaceKind, surface_distances


@dataclass(frozen=True)
class Measures:
    """The scores of one class in one case by one convention.

    None: the convention has no such score, or it was not asked for. NaN: undefined. HD, HD95 and ASSD are in mm.
    """

    dice: float | None = None
    iou: float | None = None
    hd_mm: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    nsd: float | None = None


class LabelPair:
    """Two label maps on one grid; what their classes share is found once.

    Args:
        reference: 2-D or 3-D.
        prediction: Of the same shape.
        spacing_mm: Of its axes; ones for pictures, whose lengths then are pixels.
    """

    def __init__(self, reference: LabelArray, prediction: LabelArray, spacing_mm: tuple[float, ...]) -> None:
        # As files are read: the same voxels, with the axes in order of memory.
        if reference.flags.f_contiguous:
            reference, prediction, spacing_mm = reference.T, prediction.T, spacing_mm[::-1]
        self.reference, self.prediction = _compact(reference), _compact(prediction)
        self.spacing_mm = tuple(map(float, spacing_mm))
        self.surfaces = cache(self._surfaces)

    @cached_property
    def counts(self) -> PairCounts:
        """Voxels by value in the reference and value in the prediction."""
        return count_pairs(self.reference, self.prediction)

    def mask(
        self, members: Collection[int], *, tolerance_mm: float | None = None, distances: bool = True
    ) -> "MaskPair":
        """Return the class with the values ``members``."""
        return MaskPair(self, frozenset(members), tolerance_mm, distances)

    def plane(self) -> int | None:
        """Return the axis across a volume of a single slice; None of any other, or of a single row of voxels."""
        shape = self.reference.shape
        return shape.index(1) if len(shape) == 3 and shape.count(1) == 1 else None

    def _surfaces(self, kind: SurfaceKind, dropped: int | None) -> tuple[LabelSurfaces, LabelSurfaces]:
        """Return the surfaces of both label maps, without the axis ``dropped``."""
        spacing = tuple(mm for axis, mm in enumerate(self.spacing_mm) if axis != dropped)
        maps = self.reference, self.prediction
        if dropped is not None:
            maps = self.reference.squeeze(dropped), self.prediction.squeeze(dropped)
        return LabelSurfaces(maps[0], spacing, kind), LabelSurfaces(maps[1], spacing, kind)


class MaskPair:
    """One class of one case.

    Attributes:
        tolerance_mm: For the normalised surface distance; None without one.
        distances: Whether surface scores were asked for.
    """

    def __init__(
        self, pair: LabelPair, members: frozenset[int], tolerance_mm: float | None, distances: bool
    ) -> None:
        self._pair = pair
        self._members = members
        self.tolerance_mm = tolerance_mm
        self.distances = distances
        self.counts: Counts = pair.counts.of(members)
        self._measured = cache(self._measure)

    @classmethod
    def of(
        cls,
        reference: BoolArray,
        prediction: BoolArray,
        spacing_mm: tuple[float, ...],
        *,
        tolerance_mm: float | None = None,
        distances: bool = True,
    ) -> "MaskPair":
        """Build from two masks of one shape, 2-D or 3-D."""
        pair = LabelPair(reference.astype(np.uint8), prediction.astype(np.uint8), spacing_mm)
        return pair.mask({1}, tolerance_mm=tolerance_mm, distances=distances)

    @property
    def both(self) -> bool:
        return bool(self.counts.reference and self.counts.prediction)

    @property
    def neither(self) -> bool:
        return not (self.counts.reference or self.counts.prediction)

    @property
    def spacing_mm(self) -> tuple[float, ...]:
        """Of the axes of :meth:`masks`; ones for pictures, whose lengths then are pixels."""
        return self._pair.spacing_mm

    def diagonal_mm(self, *, planar: bool) -> float:
        """Return the length from corner to corner of the image; ``planar``: in the plane of a single slice."""
        dropped = self._pair.plane() if planar else None
        sides = np.multiply(self._pair.reference.shape, self.spacing_mm)
        return math.hypot(*(side for axis, side in enumerate(sides.tolist()) if axis != dropped))

    def masks(self) -> tuple[BoolArray, BoolArray]:
        """Return reference and prediction, cropped to the box that holds both; empty arrays where both are."""
        reference, prediction = (
            np.isin(labels, list(self._members)) for labels in (self._pair.reference, self._pair.prediction)
        )
        box = bounding_box(reference | prediction)
        return reference[box], prediction[box]

    def elements(self, *, planar: bool) -> SurfaceDistances:
        """Measure between surface elements weighted by area; neither mask is empty.

        Args:
            planar: Take a volume of a single slice as 2-D: lines in its plane instead of a sheet with two sides.
        """
        return self._measured("elements", self._pair.plane() if planar else None)

    def voxels(self) -> SurfaceDistances:
        """Measure between boundary voxels; neither mask is empty."""
        return self._measured("voxels", None)

    def _measure(self, kind: SurfaceKind, dropped: int | None) -> SurfaceDistances:
        reference, prediction = self._pair.surfaces(kind, dropped)
        return surface_distances(
            reference.of(self._members),
            prediction.of(self._members),
            reference.found.shape,
            reference.spacing_mm,
        )


def _compact(labels: LabelArray) -> LabelArray:
    """Return the same values in C order, as bytes where they fit."""
    fits = labels.size and labels.min() >= 0 and labels.max() <= np.iinfo(np.uint8).max
    return np.ascontiguousarray(labels, dtype=np.uint8 if fits else labels.dtype)
