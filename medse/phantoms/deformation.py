"""Smooth invertible deformations, drawn at random: what makes one generated subject unlike the next."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from medse.arrays import AnyArray

Field = npt.NDArray[np.float64]

SQUARINGS = 6
"""The displacement is that of 2**6 small steps in a row."""


def draw_velocity(
    random: np.random.Generator,
    shape: tuple[int, ...],
    bends: Sequence[tuple[float, float]],
    spacing_mm: float,
) -> Field:
    """Draw a velocity field ``(3, *shape)`` in mm, the sum of one of each smoothness and sd (``bends``, in mm)."""
    velocity = np.zeros((3, *shape))
    for smooth_mm, sd_mm in bends:
        for axis in velocity:
            wave = smooth(random.standard_normal(shape), smooth_mm / spacing_mm)
            axis += sd_mm * wave / wave.std()
    return velocity


def integrate(velocity: Field) -> Field:
    """Return the displacement after unit time of a velocity ``(3, X, Y, Z)`` in voxels per unit time.

    Scaling and squaring: the displacement of a small step, doubled again and again. It folds nothing.
    """
    here = np.indices(velocity.shape[1:])
    displacement: Field = velocity / 2**SQUARINGS
    for _ in range(SQUARINGS):
        displacement += sample(displacement, here + displacement)
    return displacement


def sample(field: AnyArray, where: AnyArray) -> AnyArray:
    """Read each volume of ``field`` at ``where``, linearly; beyond the border it goes on as at the border."""
    volumes = [ndimage.map_coordinates(volume, where, order=1, mode="nearest") for volume in field]
    return np.stack(volumes)


def smooth(volume: AnyArray, width: float) -> Field:
    """Return ``volume`` after a Gaussian of standard deviation ``width`` in voxels."""
    smoothed: Field = ndimage.gaussian_filter(volume.astype(np.float64), width, truncate=3)
    return smoothed


def turned(matrix: Field, random: np.random.Generator, degrees: float) -> Field:
    """Return a ``(3, 3)`` matrix followed by a rotation of up to ``degrees`` about each axis."""
    for first, second in ((0, 1), (0, 2), (1, 2)):
        angle = np.deg2rad(random.uniform(-degrees, degrees))
        turn = np.eye(3)
        turn[[first, second], [first, second]] = np.cos(angle)
        turn[first, second], turn[second, first] = -np.sin(angle), np.sin(angle)
        matrix = turn @ matrix
    return matrix


def upright(vector: Field) -> Field:
    """Let a vector broadcast over the voxels of a volume."""
    column: Field = vector.reshape(3, 1, 1, 1)
    return column
