"""A subject's pose and form, and the slices through its tumour."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from medse.arrays import BoolArray, FloatArray
from medse.phantoms.deformation import draw_velocity, integrate, sample, turned, upright
from medse.phantoms.tumours.head import AIR, Head
from medse.phantoms.tumours.lesions import Lesion

SIZE = 192
"""Rows and columns of a slice."""
PIXEL_MM = (1.1, 1.35)
"""Range of the pixel size; one of each subject."""
GRID_MM, GRID = 8.0, 36
"""Voxel size of the deformation and number of its voxels along each axis."""
LOG_SIZE, LOG_SHAPE = (-0.1, 0.06), 0.05
"""Logarithm of head size, for all axes and for each."""
TURN_DEGREES = 8.0
"""Largest rotation about each axis: slices are never quite axial, coronal or sagittal."""
BENDS = ((45.0, 4.0), (22.0, 2.0))
"""Smoothness and standard deviation, both in mm, of the velocity."""
OFF_CENTRE = (0.1, 0.6)
"""Least and largest distance of a slice from the tumour's middle, as a share of its radius."""
REACH = 4.0
"""Radii from the tumour's middle up to which it changes the signal."""
SHIFT_MM = 8.0
"""Largest shift of the head in a slice."""

PLANES: dict[str, tuple[FloatArray, FloatArray, FloatArray]] = {
    "axial": (np.array([1.0, 0, 0]), np.array([0, -1.0, 0]), np.array([0, -5.0, 0])),
    "coronal": (np.array([1.0, 0, 0]), np.array([0, 0, -1.0]), np.array([0, 0, -6.0])),
    "sagittal": (np.array([0, -1.0, 0]), np.array([0, 0, -1.0]), np.array([0, -11.0, -8.0])),
}
"""Plane -> the ways in which columns and rows go on, in RAS, and the place of the middle in mm, as displayed."""


class Space:
    """Where in MNI space each place of a subject comes from: pose, size and a deformation that folds nothing."""

    def __init__(self, random: np.random.Generator) -> None:
        scale = np.exp(random.uniform(*LOG_SIZE) + random.uniform(-LOG_SHAPE, LOG_SHAPE, size=3))
        self._matrix = turned(np.diag(scale), random, TURN_DEGREES)
        self._inverse = np.linalg.inv(self._matrix)
        velocity = draw_velocity(random, (GRID,) * 3, BENDS, GRID_MM)
        self._moved = integrate(velocity / GRID_MM) * GRID_MM

    def __call__(self, places: FloatArray) -> FloatArray:
        """Return the places in MNI space, ``(3, N)`` in mm, of ``places`` of the subject."""
        before = self._inverse @ places
        there: FloatArray = before + sample(self._moved, before / GRID_MM + (GRID - 1) / 2)
        return there

    def place_of(self, there: FloatArray) -> FloatArray:
        """Return which place of the subject, ``(3,)``, a place in MNI space becomes."""
        place = self._matrix @ there
        for _ in range(20):  # the deformation is gentle, so this settles
            place = place + self._matrix @ (there - self(place[:, None])[:, 0])
        return place


@dataclass(frozen=True)
class Slice:
    """One slice, as displayed: ``signal`` from 0 to about 1 and ``mask`` of the tumour, both ``(rows, columns)``."""

    plane: str
    signal: FloatArray
    mask: BoolArray


def cut_slices(head: Head, lesion: Lesion, random: np.random.Generator, count: int) -> Iterator[Slice]:
    """Cut ``count`` slices through the tumour, in the three planes in turn."""
    space = Space(random)
    middle = space.place_of(lesion.centre)
    pixel_mm = random.uniform(*PIXEL_MM)
    first, side = int(random.integers(len(PLANES))), random.choice((-1.0, 1.0))
    for number in range(count):
        plane = list(PLANES)[(first + number) % len(PLANES)]
        columns, rows, centre = PLANES[plane]
        normal = np.cross(columns, rows)
        turn = side if number < len(PLANES) else -side  # the second slice of a plane lies beyond the middle
        off = turn * random.uniform(*OFF_CENTRE) * lesion.radius_mm
        seen = centre + random.uniform(-SHIFT_MM, SHIFT_MM, size=3)
        seen = seen + normal * (normal @ (middle - seen) + off)
        steps = (np.arange(SIZE) - (SIZE - 1) / 2) * pixel_mm
        grid = upright(columns)[..., 0] * steps + upright(rows)[..., 0] * steps[:, None]
        places = (grid + upright(seen)[..., 0]).reshape(3, -1)
        points = space(places)
        depth = head.template.depth_at(points)
        inside = head.under_skin(points, depth) > 0
        signal, mask = np.full(inside.shape, AIR), np.zeros(inside.shape, bool)
        signal[inside], mask[inside] = _paint(head, lesion, points[:, inside], depth[inside])
        yield Slice(plane, signal.reshape(SIZE, SIZE), _largest(mask.reshape(SIZE, SIZE)))


def _paint(head: Head, lesion: Lesion, points: FloatArray, depth: FloatArray) -> tuple[FloatArray, BoolArray]:
    """Return signal and mask, ``(N,)``, at ``points``, ``(3, N)``, at ``depth`` from the dura."""
    signal = head.paint(points, lesion.pushed(points, depth), depth)
    near = np.linalg.norm(points - lesion.centre[:, None], axis=0) < REACH * lesion.radius_mm
    distance = lesion.shape(points[:, near], depth[near])
    signal[near] = lesion.look(points[:, near], distance, signal[near])
    mask = np.zeros(signal.shape, bool)
    mask[near] = distance < 0
    return signal, mask


def _largest(mask: BoolArray) -> BoolArray:
    """Return the largest connected piece of a mask."""
    pieces, count = ndimage.label(mask)
    if not count:
        return mask
    largest: BoolArray = pieces == 1 + np.bincount(pieces.ravel())[1:].argmax()
    return largest
