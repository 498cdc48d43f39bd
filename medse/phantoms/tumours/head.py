"""What surrounds the brain in a slice: skull, scalp, face and vessels, painted as functions of place.

Places are in MNI space, in mm, RAS. Everything is coarse on purpose: it makes a slice look like one of a head, so
that a network has to find the tumour, and has no anatomical value.
"""

from dataclasses import dataclass

import numpy as np

from medse.arrays import BoolArray, FloatArray
from medse.phantoms.tumours.template import HeadTemplate
from medse.phantoms.tumours.texture import Texture

T1_KNOTS = (0.0, 0.3, 0.5, 0.66, 0.84, 1.0)
"""Template values at air, pure CSF, mixed CSF, grey matter, white matter and brightest white matter."""
AIR, BONE, FLOW = 0.015, 0.05, 0.04
"""Signal of air, of cortical bone and of arteries, which is lost."""
SELLA = (0.0, 4.0, -32.0)
"""Place of the pituitary gland."""


@dataclass(frozen=True)
class Tissues:
    """Signals of one subject's tissues, from 0 to 1, and the thickness of skull and scalp in mm."""

    csf: float
    grey: float
    white: float
    dura: float
    blood: float
    fat: float
    muscle: float
    marrow: float
    skull_mm: float
    scalp_mm: float


def draw_tissues(random: np.random.Generator) -> Tissues:
    """Draw the signals of a T1 image after contrast medium: little between grey and white, bright blood and fat."""
    grey = random.uniform(0.26, 0.38)
    return Tissues(
        csf=random.uniform(0.07, 0.14),
        grey=grey,
        white=grey * random.uniform(1.1, 1.3),
        dura=random.uniform(0.3, 0.55),
        blood=random.uniform(0.55, 0.85),
        fat=random.uniform(0.5, 0.9),
        muscle=random.uniform(0.22, 0.34),
        marrow=random.uniform(0.15, 0.5),
        skull_mm=random.uniform(5, 9),
        scalp_mm=random.uniform(4, 9),
    )


class Head:
    """One subject's head.

    Args:
        template: The brain.
        random: Draws tissues and the size of sinuses.
    """

    def __init__(self, template: HeadTemplate, random: np.random.Generator) -> None:
        self.template = template
        self.tissues = draw_tissues(random)
        self._texture = Texture(random, 7.0)
        self._marbling = Texture(random, 20.0)
        self._turbinates = Texture(random, 11.0)
        self._sinus = random.uniform(0.8, 1.2, size=3) * (13, 12, 9)
        self._nose = random.uniform(0.85, 1.15)

    def under_skin(self, points: FloatArray, depth: FloatArray) -> FloatArray:
        """Return how far under the skin of skull, face or neck ``points`` at ``depth`` from the dura lie, in mm."""
        x, y, z = points
        skull = depth - 1 - self.tissues.skull_mm - self.tissues.scalp_mm
        face = (np.sqrt((x / 62) ** 2 + ((y - 38) / 52) ** 2 + ((z + 72) / 62) ** 2) - 1) * 55
        nose = (np.sqrt((x / 14) ** 2 + ((y - 88) / 20) ** 2 + ((z + 62) / 22) ** 2) - 1) * 14
        neck = np.maximum((np.hypot(x / 58, (y + 22) / 62) - 1) * 58, z + 45)
        return -_union(_union(_union(skull, face), neck), nose)

    def paint(self, points: FloatArray, pushed: FloatArray, depth: FloatArray) -> FloatArray:
        """Return the signal at ``points``, ``(3, N)``.

        Args:
            pushed: Where the brain at ``points`` comes from, ``(3, N)``, which differs beside a tumour.
            depth: Distance of ``points`` from the dura.
        """
        t = self.tissues
        levels = (t.csf, t.csf, 1.2 * t.csf, t.grey, t.white, 1.08 * t.white)
        signal = np.interp(self.template.brain_at(pushed), T1_KNOTS, levels)
        under_skin = self.under_skin(points, depth)
        self._paint_shell(signal, points, depth, under_skin)
        self._paint_face(signal, points, (depth > 1) & (under_skin > 2.5), depth)
        self._paint_vessels(signal, points, depth)
        return signal

    def _paint_shell(
        self, signal: FloatArray, points: FloatArray, depth: FloatArray, under_skin: FloatArray
    ) -> None:
        """Paint dura, skull with marrow, and what lies outside the skull."""
        t = self.tissues
        texture = self._texture(points)
        bone = (depth - 1) / t.skull_mm
        marrow = np.clip(1.6 - np.abs(bone - 0.5) * 5, 0, 1) * np.clip(0.8 + 0.3 * texture, 0, 1)
        signal[:] = np.where(depth > -0.8, t.dura * np.clip(0.8 + 0.4 * texture, 0, 1), signal)
        signal[:] = np.where(depth > 1, BONE + (t.marrow - BONE) * marrow, signal)
        fat = np.clip((t.scalp_mm + 2 - under_skin) / 3 + 0.15 * texture, 0, 1)
        marbling = np.clip(0.7 * self._marbling(points) - 0.5, 0, 0.8)
        soft = t.muscle * (1 + 0.12 * texture) + (t.fat - t.muscle) * np.maximum(fat, marbling)
        signal[:] = np.where(bone > 1, soft, signal)
        skin = (bone > 1) & (under_skin < 1.2)
        signal[skin] *= 0.6

    def _paint_face(
        self, signal: FloatArray, points: FloatArray, outside: BoolArray, depth: FloatArray
    ) -> None:
        """Paint orbits, sinuses, nose, throat and the bone between them and the brain."""
        t = self.tissues
        clivus = outside & _ellipsoid(points, (0, -3, -47), (13, 8, 15))
        signal[clivus] = t.marrow + 0.15
        airy = self._turbinates(points) * 0.25
        for side in (-1, 1):
            signal[outside & _ellipsoid(points, (32 * side, 52, -36), (18, 24, 16))] = 0.9 * t.fat
            nerve = np.hypot(points[0] - side * (8 + 0.45 * (points[1] - 8)), points[2] + 35) < 2.5
            signal[outside & nerve & (points[1] > 20) & (points[1] < 60)] = t.grey
            eye = outside & _ellipsoid(points, (32 * side, 62, -36), (12, 12, 12))
            signal[eye] = 1.1 * t.csf
            signal[outside & _ellipsoid(points, (32 * side, 70, -36), (5, 2, 5))] = t.grey
            cheek = outside & _ellipsoid(points, (27 * side, 52, -66), (13, 16, 13))
            signal[cheek] = AIR
        x = points[0] / (11 * self._nose)
        nose = outside & _ellipsoid(points, (0, 52, -60), (13 * self._nose, 30, 20))
        signal[nose] = np.where((np.abs(x) < 0.12) | (airy + np.abs(x) > 0.55), t.muscle + 0.15, AIR)[nose]
        signal[outside & _ellipsoid(points, (0, 16, -47), tuple(self._sinus))] = AIR
        signal[outside & _ellipsoid(points, (0, 14, -82), (11, 8, 22))] = AIR
        bony = np.abs(points[2] + 40) + np.abs(points[1] + 20) * 0.3
        petrous = outside & (depth < 9) & (np.abs(np.abs(points[0]) - 48) < 18) & (bony < 12)
        signal[petrous] = np.where(self._turbinates(points) > 0.6, AIR, 0.1)[petrous]

    def _paint_vessels(self, signal: FloatArray, points: FloatArray, depth: FloatArray) -> None:
        """Paint sinuses of the dura, the falx, the pituitary gland and what lies beside it."""
        t = self.tissues
        x, y, z = points
        ring = np.hypot((y + 18) / 62, (z - 2) / 46)  # 1 where the falx ends above the corpus callosum
        falx = (np.abs(x) < 0.9) & (ring > 1) & (z > -8) & (depth < 0) & (signal < 0.95 * t.grey)
        signal[falx] = t.dura
        behind = np.abs(x) < 4.5 - 0.8 * np.clip(depth, 0, 4)
        signal[behind & (depth > -2) & (depth < 4.5) & (z > -8) & (y < 62)] = t.blood
        for side in (-1, 1):
            signal[_ellipsoid(points, (12 * side, 2, -33), (5, 10, 7))] = 0.75 * t.blood
            signal[_ellipsoid(points, (12 * side, 3, -34), (2.6, 8, 2.6))] = FLOW
        signal[_ellipsoid(points, SELLA, (6, 5, 3.2))] = 0.8 * t.blood
        stalk = (np.hypot(x, y - 1 - 0.2 * (z + 30)) < 1.4) & (z > -32) & (z < -20)
        signal[stalk] = 0.8 * t.blood


def _union(first: FloatArray, second: FloatArray, soft_mm: float = 14.0) -> FloatArray:
    overlap = np.maximum(soft_mm - np.abs(first - second), 0)
    joined: FloatArray = np.minimum(first, second) - overlap**2 / (4 * soft_mm)
    return joined


def _ellipsoid(points: FloatArray, centre: tuple[float, ...], half_axes: tuple[float, ...]) -> BoolArray:
    """Return which of ``points`` lie in an ellipsoid."""
    squares = (((p - c) / a) ** 2 for p, c, a in zip(points, centre, half_axes, strict=True))
    inside: BoolArray = sum(squares) < 1
    return inside
