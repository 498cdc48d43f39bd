"""Shapes in space as signed distances in mm, negative inside; smooth where they are combined."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import PchipInterpolator
from scipy.spatial import cKDTree

from medse.arrays import AnyArray, FloatArray

Points = npt.NDArray[np.float32]
"""Places ``(3, n)`` in mm."""
Distances = npt.NDArray[np.floating]
"""Signed distances ``(n,)`` in mm; true to scale near a surface, where alone they count."""

EVERYWHERE = np.array([[-1e6] * 3, [1e6] * 3])
STEP_MM = 1.5
"""Distance between the points of a tube's centre line."""


@dataclass(frozen=True)
class Shape:
    """Part of space.

    Attributes:
        distance: Signed distance of points to its surface.
        box: ``(2, 3)``, lowest and highest coordinates; no point outside of it belongs to the shape.
    """

    distance: Callable[[Points], Distances]
    box: FloatArray

    def grown(self, mm: float) -> "Shape":
        """Return the shape with its surface moved outwards."""
        return Shape(lambda p: self.distance(p) - mm, self.box + np.array([[-mm], [mm]]))

    def within(self, *others: "Shape", soft_mm: float = 0.1) -> "Shape":
        """Return what it shares with ``others``, edges rounded over ``soft_mm``."""

        def distance(p: Points) -> Distances:
            found = self.distance(p)
            for other in others:
                found = smooth_max(found, other.distance(p), soft_mm)
            return found

        return Shape(distance, self.box)

    def without(self, other: "Shape", soft_mm: float = 0.1) -> "Shape":
        """Return the shape less ``other``, edges rounded over ``soft_mm``."""
        return self.within(Shape(lambda p: -other.distance(p), EVERYWHERE), soft_mm=soft_mm)


def ellipsoid(centre: npt.ArrayLike, radii: npt.ArrayLike, turn: npt.ArrayLike | None = None) -> Shape:
    """Return an ellipsoid; the rows of ``turn`` are the directions of its axes, x, y and z without it."""
    axes = np.eye(3) if turn is None else np.asarray(turn)
    middle, lengths = np.asarray(centre, float), np.asarray(radii, float)
    reach = np.sqrt(((axes * lengths[:, None]) ** 2).sum(axis=0))

    def distance(p: Points) -> Distances:
        local = (axes @ (p - middle[:, None])) / lengths[:, None]
        size = np.sqrt((local**2).sum(axis=0)) + 1e-6
        steepness = np.sqrt(((local / lengths[:, None]) ** 2).sum(axis=0)) / size + 1e-6
        found: Distances = (size - 1) / steepness
        return found

    return Shape(distance, np.stack([middle - reach, middle + reach]))


def tube(points: npt.ArrayLike, radii: npt.ArrayLike) -> Shape:
    """Return a tube along a smooth curve through ``points`` ``(n, 3)``, with a radius at each of them."""
    return tubes([centre_line(points, radii)])


def tubes(parts: Sequence[tuple[FloatArray, FloatArray]]) -> Shape:
    """Return several centre lines ``(n, 3)`` with their radii ``(n,)`` as one shape."""
    line = np.concatenate([part for part, _ in parts])
    radius = np.concatenate([part for _, part in parts])
    tree, margin = cKDTree(line), 4.0
    reach = float(radius.max()) + margin

    def distance(p: Points) -> Distances:
        far, nearest = tree.query(p.T, distance_upper_bound=reach)
        inside = nearest < len(line)
        found: Distances = np.full(len(far), margin)
        found[inside] = far[inside] - radius[nearest[inside]]
        return found

    return Shape(distance, np.stack([line.min(axis=0) - reach + margin, line.max(axis=0) + reach - margin]))


def centre_line(points: npt.ArrayLike, radii: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return closely spaced points ``(n, 3)`` of a smooth curve through ``points``, and radii ``(n,)``."""
    given = np.asarray(points, float)
    widths = np.broadcast_to(np.asarray(radii, float), len(given))
    along = np.r_[0, np.cumsum(np.linalg.norm(np.diff(given, axis=0), axis=1))]
    fine = np.linspace(0, along[-1], max(2, round(along[-1] / STEP_MM)))
    return PchipInterpolator(along, given)(fine), PchipInterpolator(along, widths)(fine)


def all_of(*distances: Distances) -> Distances:
    """Return the distance to what all the shapes share."""
    largest: Distances = np.maximum.reduce(distances)
    return largest


def any_of(*distances: Distances) -> Distances:
    """Return the distance to what any of the shapes holds."""
    smallest: Distances = np.minimum.reduce(distances)
    return smallest


def smooth_max(first: Distances, second: Distances, soft_mm: float) -> Distances:
    """Return the larger of both, without an edge where they are closer than ``soft_mm``."""
    overlap = np.maximum(soft_mm - np.abs(first - second), 0)
    return np.maximum(first, second) + overlap**2 / (4 * soft_mm)


Paint = float | Callable[[Points], Distances]
"""HU: one value, or one for each point."""

AIR_HU = -1000.0


class Canvas:
    """Image and label map of one subject, all air and background at first.

    Where a surface crosses a voxel, the image mixes both sides (partial volume); the label is what the centre
    of the voxel lies in.

    Args:
        where: ``(3, X, Y, Z)``, the place in the standard torso, in mm, that each voxel shows.
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
