"""Painting shapes over one another into an image in HU and an exact label map."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from medse.arrays import AnyArray, FloatArray
from medse.phantoms.torso.shapes import Distances, Points, Shape

Paint = float | Callable[[Points], Distances]
"""HU: one value, or one for each point."""

AIR_HU = -1000.0


class Canvas:
    """Image and label map of one subject, all air and background at first.

    Where a surface crosses a voxel, the image mixes both sides (partial volume); the label is what the centre
    of the voxel lies in.

    Args:
        where: ``(3, X, Y, Z)``, the place in the standard torso, in mm, that each voxel shows.
        spacing_mm: Size of a voxel.
    """

    def __init__(self, where: npt.NDArray[np.float32], spacing_mm: float) -> None:
        self.spacing_mm = spacing_mm
        self._shape = where.shape[:0:-1]
        self.points: Points = np.ascontiguousarray(where.T.reshape(-1, 3).T)  # slices of equal z in a row
        heights = self.points[2].reshape(where.shape[3], -1)
        self._lowest, self._highest = heights.min(axis=1), heights.max(axis=1)
        self.hu = np.full(self.points.shape[1], AIR_HU, np.float32)
        self.label = np.zeros(self.points.shape[1], np.uint8)

    def volume(self, values: AnyArray) -> AnyArray:
        """Return ``hu`` or ``label`` as ``(X, Y, Z)``."""
        return np.ascontiguousarray(values.reshape(self._shape).T)

    def paint(self, shape: Shape, hu: Paint, label: int | None = None) -> None:
        """Cover what is there with ``shape``; without ``label`` the label map stays as it is."""
        here = self._near(shape.box)
        places = self.points[:, here]
        distance = shape.distance(places)
        near = distance < self.spacing_mm / 2
        here, places, distance = here[near], places[:, near], distance[near]
        share = np.clip(0.5 - distance / self.spacing_mm, 0, 1)
        value = hu(places) if callable(hu) else hu
        self.hu[here] += share * (value - self.hu[here])
        if label is not None:
            self.label[here[distance < 0]] = label

    def _near(self, box: FloatArray) -> npt.NDArray[np.intp]:
        """Return the numbers of the points in ``box`` or less than a voxel beside it."""
        low, high = box + np.array([[-self.spacing_mm], [self.spacing_mm]])
        slices = np.flatnonzero((self._highest > low[2]) & (self._lowest < high[2]))
        if not len(slices):
            return slices
        size = self._shape[1] * self._shape[2]
        first, last = slices[0] * size, (slices[-1] + 1) * size
        inside = np.ones(last - first, bool)
        for axis, values in enumerate(self.points[:, first:last]):
            inside &= (values > low[axis]) & (values < high[axis])
        near: npt.NDArray[np.intp] = np.flatnonzero(inside) + first
        return near
