"""The surface of each class of a label map, as points with areas, and distances between two surfaces."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial import KDTree

from medse.arrays import FloatArray, IndexArray, LabelArray
from medse.metrics.element_areas import corners, element_areas
from medse.metrics.neighbourhoods import Neighbourhoods, find_neighbourhoods

SurfaceKind = Literal["elements", "voxels"]
"""``elements``: the pieces between voxel centres, by area. ``voxels``: those of the mask that touch another by a
face, the outside of the image included, one each."""


@dataclass(frozen=True)
class Surface:
    """Points of a grid.

    Attributes:
        index: Positions in the flattened grid, ascending.
        weights: Area of each in mm2 (2-D: length in mm); ones for boundary voxels.
    """

    index: IndexArray
    weights: FloatArray


@dataclass(frozen=True)
class SurfaceDistances:
    """How far two surfaces lie apart, in mm, each from every element to the nearest of the other.

    Attributes:
        reference_mm: From each element of the surface of the reference; ``prediction_mm`` the other way.
        reference_weights: Area of each in mm2 (2-D: length in mm); ones for boundary voxels.
    """

    reference_mm: FloatArray
    reference_weights: FloatArray
    prediction_mm: FloatArray
    prediction_weights: FloatArray


class LabelSurfaces:
    """The surfaces of all classes of one label map, which is 2-D or 3-D, and in C order for speed."""

    def __init__(self, labels: LabelArray, spacing_mm: tuple[float, ...], kind: SurfaceKind) -> None:
        self.spacing_mm = spacing_mm
        self.kind = kind
        self.found: Neighbourhoods = find_neighbourhoods(labels, _OFFSETS[kind, labels.ndim])

    def of(self, members: Collection[int]) -> Surface:
        """Return the surface of the class with the values ``members``."""
        index, codes = self.found.codes(members)
        if self.kind == "elements":
            weights = element_areas(self.spacing_mm)[codes]
            kept = weights > 0
        else:
            weights = np.ones(len(codes))
            kept = (codes & 1 == 1) & (codes != 2**self.found.offsets - 1)
        return Surface(index[kept], weights[kept])


def _cross(spatial_dims: int) -> list[tuple[int, ...]]:
    """Return a voxel and its neighbours by a face."""
    middle = (1,) * spatial_dims
    steps = [(axis, step) for axis in range(spatial_dims) for step in (0, 2)]
    return [middle, *((*middle[:axis], step, *middle[axis + 1 :]) for axis, step in steps)]


_OFFSETS = {
    (kind, dims): make(dims) for kind, make in (("elements", corners), ("voxels", _cross)) for dims in (2, 3)
}


def surface_distances(
    reference: Surface, prediction: Surface, shape: tuple[int, ...], spacing_mm: tuple[float, ...]
) -> SurfaceDistances:
    """Measure from every element of each surface to the nearest of the other; both lie on a grid of ``shape``."""
    first, second = (np.stack(np.unravel_index(s.index, shape), axis=1) for s in (reference, prediction))
    spacing = np.array(spacing_mm)
    return SurfaceDistances(
        _nearest(first, second, reference.index, prediction.index, spacing),
        reference.weights,
        _nearest(second, first, prediction.index, reference.index, spacing),
        prediction.weights,
    )


def _nearest(
    sources: IndexArray, targets: IndexArray, at: IndexArray, others: IndexArray, spacing: FloatArray
) -> FloatArray:
    """Return the distance of each source to the nearest target; ``at`` and ``others`` are where they are."""
    distances = np.zeros(len(sources))
    apart = ~np.isin(at, others, assume_unique=True, kind="sort")
    if apart.any():
        # Cells halved in space, not by count, stay quick where many points are equally far.
        tree = KDTree(targets * spacing, balanced_tree=False, compact_nodes=False)
        found = tree.query(sources[apart] * spacing)[1]
        # Again from whole steps: differences of rounded coordinates would miss a tolerance of so many steps.
        steps = (sources[apart] - targets[found]) * spacing
        distances[apart] = np.sqrt((steps**2).sum(axis=1))
    return distances
