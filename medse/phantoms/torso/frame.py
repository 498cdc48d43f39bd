"""The standard torso's frame: skin, muscle wall, inner cavity, diaphragm and the curve of the spine.

Coordinates are mm in RAS order: x to the patient's right, y to the front, z up. The first lumbar vertebra lies at
z = 0, the carina at 222, the bladder at -235. Tables give half width, half depth and middle (y) at heights z.
"""

from dataclasses import dataclass

import numpy as np

from medse.phantoms.torso.shapes import EVERYWHERE, Distances, Points, Shape, smooth_max

WALL = {
    -340: (150, 98, 32),
    -258: (158, 98, 32),
    -168: (150, 102, 32),
    -60: (140, 106, 30),
    40: (146, 106, 26),
    150: (152, 108, 20),
    230: (152, 98, 12),
    270: (140, 84, 2),
    305: (92, 66, 0),
    340: (62, 58, 6),
}
"""The outer border of the muscles; skin and fat lie around it."""
CAVITY = {
    -340: (30, 22, 35),
    -290: (42, 30, 35),
    -235: (60, 68, 38),
    -170: (104, 82, 45),
    -110: (122, 86, 50),
    -20: (126, 88, 46),
    60: (132, 92, 36),
    150: (128, 88, 26),
    220: (112, 70, 16),
    265: (82, 48, 8),
    290: (52, 34, 4),
    310: (26, 20, 6),
    340: (16, 14, 12),
}
"""The inner border of wall and pelvis."""
SPINE_Y = {
    -275: -56, -235: -52, -190: -25, -150: 4, -105: 20, -66: 18, -33: 10, 0: 0, 33: -9, 63: -16, 115: -26, 186: -32,
    250: -28, 310: -22, 340: -16,
}  # fmt: skip
"""Where the spine lies in y at heights z."""
RIGHT_DOME, LEFT_DOME = (70.0, 105.0), (-70.0, 92.0)
"""x and height of the two domes of the diaphragm."""


@dataclass(frozen=True)
class Frame:
    """The frame of one subject.

    Attributes:
        fat_mm: Thickness of the fat under the skin at the side of the waist.
        dome_mm: How much higher than usual the diaphragm stands.
    """

    fat_mm: float
    dome_mm: float

    def skin(self) -> Shape:
        """Everything inside the skin."""

        def distance(p: Points) -> Distances:
            _, y, z = p
            heights = [-300, -120, -20, 120, 250, 330]
            here = np.interp(z, heights, [1.2, 1.2, 1.0, 0.6, 0.5, 0.4])
            front = 1 + 0.3 * np.clip(y / 100, -1, 1)
            found: Distances = _around(p, WALL) - self.fat_mm * here * front
            return found

        return Shape(distance, EVERYWHERE)

    def wall(self) -> Shape:
        """Everything inside the outer border of the muscles."""
        return Shape(lambda p: _around(p, WALL), EVERYWHERE)

    def cavity(self) -> Shape:
        """Chest, abdomen and pelvis."""
        return Shape(lambda p: _around(p, CAVITY), EVERYWHERE)

    def below_diaphragm(self) -> Shape:
        """Everything below the two domes."""

        def height(p: Points, x_mm: float, top_mm: float) -> Distances:
            outwards = (p[0] - x_mm) * np.sign(x_mm) > 0
            side = ((p[0] - x_mm) / 75) ** 2 * np.where(outwards, 75, 25)
            dome: Distances = top_mm + self.dome_mm - side - ((p[1] - 42) / 85) ** 2 * 80
            return dome

        def distance(p: Points) -> Distances:
            found: Distances = 0.7 * (p[2] - smooth_max(height(p, *RIGHT_DOME), height(p, *LEFT_DOME), 8))
            return found

        return Shape(distance, EVERYWHERE)


def spine_y(z: Distances) -> Distances:
    """Where the spine lies in y at heights ``z``."""
    return np.interp(z, list(SPINE_Y), list(SPINE_Y.values()))


def _around(p: Points, table: dict[int, tuple[int, int, int]]) -> Distances:
    """Distance in the axial plane to rounded boxes whose half lengths change with height."""
    x, y, z = p
    columns = [np.array(column, np.float32) for column in zip(*table.values(), strict=True)]
    width, depth, middle = (np.interp(z, list(table), column).astype(np.float32) for column in columns)
    forwards = y - middle
    size = (_power(x / width) + _power(forwards / depth)) ** np.float32(0.4) + np.float32(1e-3)
    found: Distances = np.sqrt(x * x + forwards * forwards) * (1 - 1 / size)
    return found


def _power(share: Distances) -> Distances:
    """``abs(share) ** 2.5``, quickly."""
    return share * share * np.sqrt(np.abs(share))
