"""Random functions of place, smooth at a given length: bumps of a surface, grain of a tissue."""

from functools import cache

import numpy as np
from scipy import ndimage

from medse.arrays import FloatArray, ImageArray
from medse.phantoms.deformation import turned

SIDE, WIDTH = 64, 2.0
"""Voxels along each axis of the noise that all textures are read from, and the width it is smoothed to."""
WAVE = 8.0
"""Voxels from crest to crest of that noise, about."""


class Texture:
    """A random function of place with mean 0 and standard deviation 1.

    Args:
        random: Draws its direction and its origin.
        wave_mm: About how far its crests lie apart.
    """

    def __init__(self, random: np.random.Generator, wave_mm: float) -> None:
        self._matrix = turned(np.eye(3), random, 180) * WAVE / wave_mm
        self._origin = random.uniform(0, SIDE, size=(3, 1))

    def __call__(self, points: FloatArray) -> FloatArray:
        """Return the values ``(N,)`` at ``points``, ``(3, N)`` in mm."""
        where = self._matrix @ points + self._origin
        values: FloatArray = ndimage.map_coordinates(_noise(), where, order=1, mode="grid-wrap")
        return values


@cache
def _noise() -> ImageArray:
    """Return noise that repeats itself beyond its borders."""
    white = np.random.default_rng(0).standard_normal((SIDE,) * 3)
    smoothed = ndimage.gaussian_filter(white, WIDTH, mode="wrap")
    noise: ImageArray = (smoothed / smoothed.std()).astype(np.float32)
    return noise
