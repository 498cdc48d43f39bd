"""Bones of the generated torso: spine (a class), ribs, breastbone, shoulder blades, pelvis and thighs."""

import numpy as np

from medse.phantoms.torso.frame import Frame, spine_y
from medse.phantoms.torso.shapes import (
    EVERYWHERE,
    Canvas,
    Distances,
    Points,
    Shape,
    all_of,
    any_of,
    ellipsoid,
    tube,
)
from medse.phantoms.torso.tissues import BODY, CLASSES, Tissues

VERTEBRAE_Z = (
    -137, -102, -67, -33, 0, 33, 61, 87, 111, 134, 157, 179, 200, 221, 241, 260, 277, 293, 308, 322,
)  # fmt: skip
"""Middles of the vertebral bodies, from the fifth lumbar upwards."""
SACRUM_Z = -154
"""Height of the disc above the sacrum."""
HALF_WIDTH = {
    -275: 6, -262: 9, -240: 24, -205: 42, -170: 48, -155: 36, -140: 27, -60: 25, 0: 22, 60: 19, 150: 17, 250: 15,
    310: 12,
}  # fmt: skip
HALF_DEPTH = {-275: 4, -262: 6, -240: 9, -205: 13, -170: 16, -140: 18, 0: 17, 150: 15, 250: 13, 310: 10}
"""Half axes of vertebral bodies and sacrum at heights z, in mm."""
BODY_Y, CANAL_Y, CANAL_MM = 18.0, -8.0, 8.0
"""Middles of vertebral bodies and spinal canal in front of the spine's curve, and the canal's radius."""
RIB_PITCH_MM, RIB_SLOPE = 25.0, 0.45
"""Distance from rib to rib, and how far each falls per mm towards the front."""


def spine() -> Shape:
    """Vertebral bodies without the discs, their arches and processes, and the sacrum."""
    levels = np.arange(len(VERTEBRAE_Z))

    def distance(p: Points) -> Distances:
        x, z = np.abs(p[0]), p[2]
        y = p[1] - spine_y(z)
        width, depth = (np.interp(z, list(t), list(t.values())) for t in (HALF_WIDTH, HALF_DEPTH))
        size = np.hypot(x / width, (y - BODY_Y) / depth) + 1e-3
        body = np.hypot(x, y - BODY_Y) * (1 - 1 / size)
        level = np.interp(z, (2 * SACRUM_Z - VERTEBRAE_Z[0], *VERTEBRAE_Z), (-1, *levels))
        pitch = np.interp(z, (-137, 0, 100, 300), (35, 33, 23, 15))
        off = np.abs(level - np.rint(level))  # 0 in the middle of a vertebra, a half in a disc
        disc = (off - 0.5) * pitch + np.interp(z, (-137, 0, 100, 300), (4.5, 4, 2.5, 2))
        body = all_of(body, disc)
        behind = np.hypot(x, y - CANAL_Y) - 15
        joints = np.hypot(x - np.interp(z, (-150, 0, 250), (18, 14, 12)), y + 14) - 6.5
        tip = -np.interp(z, (-150, 0, 60, 300), (32, 42, 36, 32))
        spinous = all_of(x - 4, y + 16, tip - y, (off - 0.33) * pitch)
        transverse = all_of(np.abs(y + 8) - 4.5, x - 34, (off - 0.2) * pitch)
        arch = any_of(all_of(behind, y + 1), joints, spinous, transverse)
        pedicles = all_of(behind, y - 8, (off - 0.3) * pitch)
        canal = CANAL_MM - np.hypot(x, y - CANAL_Y)
        return any_of(body, all_of(any_of(arch, pedicles), canal, -215 - z))

    return Shape(distance, np.array([[-80, -110, -276], [80, 60, 360]]))


def paint_spine(canvas: Canvas, tissues: Tissues) -> None:
    """Paint discs and canal, then the bone over them."""

    def column(p: Points) -> Distances:
        width = np.interp(p[2], list(HALF_WIDTH), list(HALF_WIDTH.values()))
        around: Distances = np.hypot(p[0] * 17 / width, p[1] - spine_y(p[2]) - BODY_Y) - 15
        return around

    discs = Shape(column, np.array([[-50, -110, SACRUM_Z - 8], [50, 60, 360]]))
    canvas.paint(discs, tissues.muscle + 30, BODY)
    canal = Shape(
        lambda p: np.hypot(p[0], p[1] - spine_y(p[2]) - CANAL_Y) - CANAL_MM,
        np.array([[-9, -110, -220], [9, 60, 360]]),
    )
    canvas.paint(canal, 22, BODY)
    _paint_bone(canvas, spine(), tissues, 2.2, CLASSES["spine"])


def paint_back(canvas: Canvas, tissues: Tissues) -> None:
    """Paint the muscles in front of, beside and behind the spine."""
    aside = {-210: 24, -150: 27, -70: 30, 0: 30, 70: 26, 150: 20, 250: 18, 340: 18}
    psoas = [(30, 14, 20), (38, 24, -50), (50, 32, -110), (66, 52, -190), (82, 66, -260), (98, 50, -310)]
    for side in (-1, 1):
        canvas.paint(tube(np.array(psoas) * [side, 1, 1], (8, 17, 22, 20, 16, 12)), tissues.muscle, BODY)
        behind = [(side * x, float(spine_y(np.array(z))) - 24, z) for z, x in aside.items()]
        canvas.paint(tube(behind, (10, 19, 24, 24, 18, 14, 13, 13)), tissues.muscle, BODY)
    canvas.paint(spine().grown(5), tissues.muscle - 15, BODY)


def paint_chest_wall(canvas: Canvas, frame: Frame, tissues: Tissues) -> None:
    """Paint ribs with their cartilage, breastbone and shoulder blades."""
    cavity = frame.cavity()

    def ribs(p: Points) -> Distances:
        x, y, z = p
        along = z + RIB_SLOPE * y
        ring = np.abs((along / RIB_PITCH_MM) % 1 - 0.5) * RIB_PITCH_MM - 5.5
        margin = y - np.clip(1.1 * (along - 10), -60, 130)  # the lowest ribs end at the back
        shell = np.abs(cavity.distance(p) - 5) - 3.5
        return all_of(shell, ring, margin, 15 - along, along - 285, 22 - np.abs(x))

    front = Shape(lambda p: all_of(68 - p[1], np.abs(p[0]) - 80), EVERYWHERE)
    bones = Shape(ribs, np.array([[-180, -110, -45], [180, 150, 320]]))
    _paint_bone(canvas, bones.without(front), tissues, 2)
    canvas.paint(bones.within(front), 95, BODY)

    def breastbone(p: Points) -> Distances:
        shell = np.abs(cavity.distance(p) - 5) - 5
        return all_of(shell, np.abs(p[0]) - 17, 115 - p[2], p[2] - 250, 40 - p[1])

    box = np.array([[-20, 30, 110], [20, 150, 255]])
    _paint_bone(canvas, Shape(breastbone, box), tissues, 2.5)
    for side in (-1, 1):
        turn = np.array([[0.8, -0.6 * side, 0], [0.6 * side, 0.8, 0], [0, 0, 1]])
        blade = ellipsoid((96 * side, -62, 205), (42, 4.5, 68), turn).without(cavity.grown(9))
        _paint_bone(canvas, blade, tissues, 2)


def paint_pelvis(canvas: Canvas, frame: Frame, tissues: Tissues) -> None:
    """Paint hip bones, joints and thigh bones."""
    cavity = frame.cavity()

    def hips(p: Points) -> Distances:
        x, y, z = p
        shell = np.abs(cavity.distance(p) - 7) - 5
        crest = z + 115 + 0.004 * (y - 30) ** 2
        front = y - np.where(z > -245, 88, 200)
        beside_sacrum = np.where(y < 35, np.interp(z, (-215, -150), (62, 52)) - np.abs(x), -100)
        return all_of(shell, 0.8 * crest, front, beside_sacrum, -298 - z)

    _paint_bone(canvas, Shape(hips, np.array([[-150, -60, -300], [150, 150, -110]])), tissues, 2.5)
    for side in (-1, 1):
        middle = (92 * side, 30, -260)
        roof = Shape(lambda p: np.abs(p[0]) - 100, EVERYWHERE)
        _paint_bone(canvas, ellipsoid(middle, (33, 33, 33)).within(roof), tissues, 2.5)
        canvas.paint(ellipsoid(middle, (26, 26, 26)), 30, BODY)
        way = [middle, (122 * side, 24, -272), (135 * side, 18, -300), (135 * side, 18, -350)]
        _paint_bone(canvas, tube(way, [16, 16, 19, 16]), tissues, 4)
        _paint_bone(canvas, ellipsoid(middle, (23, 23, 23)), tissues, 1.5)


def _paint_bone(canvas: Canvas, bone: Shape, tissues: Tissues, cortex_mm: float, label: int = BODY) -> None:
    canvas.paint(bone, tissues.cortex, label)
    canvas.paint(bone.grown(-cortex_mm), tissues.marrow)
