"""What all generated heads are made of: the ICBM152 brain and the distance to the dura around it."""

from dataclasses import dataclass

import numpy as np
from nilearn import datasets
from scipy import ndimage

from medse.arrays import BoolArray, FloatArray, ImageArray

DEPTH_MM = 3
"""Voxel size of the map of distances: the dura is smooth."""
ROOM_MM = 48
"""Width of what surrounds the template in that map."""
CLOSING_MM = 12.0
"""The dura spans furrows and clefts narrower than twice this."""
DEEP_MM = 5.0
"""Distance of white matter from any other tissue from which a tumour may grow."""
LOWEST_MM = -30.0
"""Height in MNI space below which no tumour of the dura or of the white matter starts."""


@dataclass(frozen=True)
class HeadTemplate:
    """Maps in MNI space, all places in mm, RAS.

    Attributes:
        t1: ``(X, Y, Z)`` at 1 mm, from 0 to 1, 0 outside the brain.
        t1_origin: Place of the first voxel of ``t1``, ``(3, 1)``.
        depth: ``(X, Y, Z)`` at :data:`DEPTH_MM`, distance to the dura in mm, negative inside.
        depth_origin: Place of the first voxel of ``depth``, ``(3, 1)``.
        dura: ``(N, 3)``, places on the dura.
        white: ``(N, 3)``, places deep in the white matter.
    """

    t1: ImageArray
    t1_origin: FloatArray
    depth: ImageArray
    depth_origin: FloatArray
    dura: FloatArray
    white: FloatArray

    def brain_at(self, points: FloatArray) -> FloatArray:
        """Return T1 at ``points``, ``(3, N)``; below the template the spinal cord goes on."""
        return _sample(self.t1, points - self.t1_origin)

    def depth_at(self, points: FloatArray) -> FloatArray:
        """Return the distance to the dura at ``points``, ``(3, N)``, negative inside."""
        return _sample(self.depth, (points - self.depth_origin) / DEPTH_MM)

    def outward(self, place: FloatArray) -> FloatArray:
        """Return the unit vector ``(3,)`` that leaves the dura at ``place``, ``(3,)``."""
        steps = np.concatenate([np.eye(3), -np.eye(3)], axis=1) * 3
        there = self.depth_at(place[:, None] + steps)
        way: FloatArray = there[:3] - there[3:]
        return way / np.linalg.norm(way)


def load_head_template() -> HeadTemplate:
    """Read the maps that nilearn ships and measure the distances."""
    image = datasets.load_mni152_template(resolution=1)
    t1 = np.clip(image.get_fdata(dtype=np.float32), 0, 1)
    brain = datasets.load_mni152_brain_mask(resolution=1).get_fdata() > 0.5
    white = datasets.load_mni152_wm_template(resolution=1).get_fdata(dtype=np.float32)
    origin = image.affine[:3, 3:].astype(np.float64)
    depth = _depth(np.pad(brain[::DEPTH_MM, ::DEPTH_MM, ::DEPTH_MM], ROOM_MM // DEPTH_MM, mode="edge"))
    depth_origin = origin - ROOM_MM
    inside = ndimage.distance_transform_edt(white[::DEPTH_MM, ::DEPTH_MM, ::DEPTH_MM] > 0.6) * DEPTH_MM
    return HeadTemplate(
        np.where(brain, t1, 0).astype(np.float32),
        origin,
        depth,
        depth_origin,
        _places(np.abs(depth) < DEPTH_MM / 2, depth_origin),
        _places(inside > DEEP_MM, origin),
    )


def _depth(brain: BoolArray) -> ImageArray:
    """Return the distance to the border of what a closing leaves of ``brain``, smoothed."""
    beside = ndimage.distance_transform_edt(~brain) * DEPTH_MM
    closed = ndimage.distance_transform_edt(beside < CLOSING_MM) * DEPTH_MM > CLOSING_MM
    signed = ndimage.distance_transform_edt(~closed) - ndimage.distance_transform_edt(closed)
    depth: ImageArray = ndimage.gaussian_filter(signed * DEPTH_MM, 1.0).astype(np.float32)
    return depth


def _places(mask: BoolArray, origin: FloatArray) -> FloatArray:
    places: FloatArray = np.argwhere(mask) * DEPTH_MM + origin[:, 0]
    return places[places[:, 2] > LOWEST_MM]


def _sample(volume: ImageArray, where: FloatArray) -> FloatArray:
    values: FloatArray = ndimage.map_coordinates(volume, where, order=1, mode="nearest", output=np.float64)
    return values
