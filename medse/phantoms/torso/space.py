"""Which part of the standard torso a scan shows, and how the subject's differs from it."""

import numpy as np
import numpy.typing as npt

from medse.phantoms.deformation import draw_velocity, integrate, sample, turned, upright

SPACING_MM = 4.0
COARSE = 4
"""Voxels per voxel of the velocity field: it is smooth, so a quarter of the resolution loses nothing."""
SHAPE_XY = (96, 72)
"""384 x 288 mm."""
VIEWS = (
    ((-285.0, -250.0), (255.0, 300.0)),
    ((-285.0, -235.0), (80.0, 150.0)),
    ((-130.0, -85.0), (255.0, 300.0)),
)
"""Lowest and highest place shown, in mm, each drawn from a range: trunk, abdomen and pelvis, chest and abdomen."""
VIEW_CHANCES = (0.5, 0.25, 0.25)
CENTRE_MM = (0.0, 30.0, 0.0)
"""Place of the standard torso that the middle of a scan shows, z aside."""
LOG_SIZE, LOG_SHAPE = 0.08, 0.05
"""Largest change, up or down, of the logarithm of size, for all axes and for each."""
TURN_DEGREES, SHIFT_MM = 4.0, 10.0
"""Largest rotation about each axis and shift along it: patients do not lie straight."""
BENDS = ((100.0, 6.0), (45.0, 3.0))
"""Smoothness and standard deviation, both in mm, of the velocity: trunk, organs."""


def draw_space(random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw where in the standard torso each voxel of a scan lies, ``(3, X, Y, Z)`` in mm.

    Voxels are cubes of :data:`SPACING_MM` in RAS order. An affine map (size, pose) is followed by a smooth
    deformation that folds nothing.
    """
    lows, highs = VIEWS[random.choice(len(VIEWS), p=VIEW_CHANCES)]
    low, high = random.uniform(*lows), random.uniform(*highs)
    scale = np.exp(random.uniform(-LOG_SIZE, LOG_SIZE) + random.uniform(-LOG_SHAPE, LOG_SHAPE, size=3))
    matrix = turned(np.diag(scale), random, TURN_DEGREES)
    middle = np.array([*CENTRE_MM[:2], (low + high) / 2])
    middle[:2] += random.uniform(-SHIFT_MM, SHIFT_MM, size=2)
    shape = (*SHAPE_XY, round((high - low) * scale[2] / SPACING_MM))
    offset = (np.indices(shape) - upright((np.array(shape) - 1) / 2)) * SPACING_MM
    coarse = tuple(-(-n // COARSE) + 1 for n in shape)
    velocity = draw_velocity(random, coarse, BENDS, SPACING_MM * COARSE)
    displacement = integrate(velocity / (SPACING_MM * COARSE)) * (SPACING_MM * COARSE)
    bent = offset + sample(displacement, np.indices(shape) / COARSE)
    where: npt.NDArray[np.float32] = (
        np.tensordot(np.linalg.inv(matrix), bent, axes=1) + upright(middle)
    ).astype(np.float32)
    return where
