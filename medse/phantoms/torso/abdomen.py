"""Organs of abdomen and pelvis."""

import numpy as np

from medse.phantoms.torso.frame import Frame
from medse.phantoms.torso.shapes import (
    Canvas,
    Distances,
    Points,
    Shape,
    all_of,
    centre_line,
    ellipsoid,
    tube,
    tubes,
)
from medse.phantoms.torso.tissues import BODY, CLASSES, Tissues

LOOPS = 60
"""Turns of the small bowel."""
COLON = (
    (98, 30, -150), (106, 26, -105), (100, 45, -62), (62, 100, -55), (0, 112, -72), (-60, 104, -35), (-104, 66, -2),
    (-112, 18, -50), (-108, 16, -110), (-84, 36, -165), (-34, 30, -185), (0, 0, -205), (0, -8, -235), (0, -4, -285),
)  # fmt: skip
"""From the coecum to the end."""


def paint_bowel(canvas: Canvas, frame: Frame, tissues: Tissues, random: np.random.Generator) -> None:
    """Paint stomach, small bowel and colon with what they hold, and pancreas and gall bladder: all unlabelled."""
    room = frame.cavity().grown(-3)
    ends = random.normal(size=(LOOPS, 3))
    ends *= random.uniform(0.4, 1, size=(LOOPS, 1)) / np.linalg.norm(ends, axis=1, keepdims=True)
    loops = ends * [92, 40, 76] + [0, 82, -112]
    canvas.paint(tube(loops, random.uniform(9, 13)).within(room), tissues.bowel, BODY)
    for start in random.integers(LOOPS - 1, size=3):
        canvas.paint(tube(loops[start : start + 2], 7).within(room), -850)
    way = COLON + random.normal(0, [6, 5, 7], (len(COLON), 3))
    line, radius = centre_line(way, random.uniform(13, 23, size=len(way)))
    canvas.paint(tubes([(line, radius)]).within(room), tissues.bowel + 10, BODY)
    for part in np.array_split(np.arange(len(line)), 16):
        kind = random.choice(3)
        held = tubes([(line[part], radius[part] - 3)]).within(room)
        if kind == 0:
            canvas.paint(held, -900)
        elif kind == 1:
            canvas.paint(held, lambda p: random.normal(-60, 90, size=(p.shape[1],)))  # stool: gas and solids
    _paint_stomach(canvas, (room, frame.below_diaphragm().grown(-5)), tissues, random)
    canvas.paint(tube([(40, 72, -5), (0, 84, 5), (-50, 50, 20)], [14, 10, 9]), tissues.bowel + 8, BODY)


def paint_liver(canvas: Canvas, frame: Frame, tissues: Tissues, random: np.random.Generator) -> None:
    """Paint the liver, its vessels and the gall bladder."""
    low, left, back = random.normal(0, (22, 14, 12))

    def distance(p: Points) -> Distances:
        x, y, z = p
        lower = np.interp(x, (-90, -50, 0, 60, 125), (75, 52, 8, -42, -72)) + low
        behind = np.interp(x, (-90, -50, 0, 45, 60), (70, 64, 52, -20, -100))
        before_kidney = np.interp(z, (-80, -20, 30), (40, 8, -75)) + back
        return all_of(0.75 * (lower - z), 0.6 * (behind - y), 0.6 * (before_kidney - y), -72 + left - x)

    room = frame.cavity().grown(-6)
    liver = Shape(distance, np.array([[-110, -60, -140], [150, 150, 130]]))
    liver = liver.within(room, frame.below_diaphragm().grown(-5), soft_mm=14)
    canvas.paint(ellipsoid((52, 78, -34), (15, 15, 26)).within(room), 8, BODY)
    canvas.paint(liver, tissues.liver, CLASSES["liver"])
    ways = (
        [(18, 66, -10), (45, 62, 8), (85, 60, 12), (105, 45, 0)],
        [(45, 62, 8), (60, 80, 25), (40, 100, 30)],
        [(30, 66, 10), (-5, 84, 45)],
        [(22, 50, 84), (60, 45, 55), (95, 25, 25)],
        [(22, 50, 84), (55, 80, 50), (75, 95, 10)],
        [(22, 50, 84), (-5, 88, 70)],
    )
    lines = [
        centre_line(way + random.normal(0, 3, (len(way), 3)), [5.5, *[3] * (len(way) - 1)]) for way in ways
    ]
    canvas.paint(tubes(lines).within(liver), 0.8 * tissues.veins + 0.2 * tissues.liver)


def paint_spleen(canvas: Canvas, frame: Frame, tissues: Tissues, random: np.random.Generator) -> None:
    """Paint the spleen: it lies against the wall and under the diaphragm."""
    size = np.exp(random.normal(0, 0.13))
    middle = np.array([-98.0, 4.0, 18.0]) + random.normal(0, [2, 4, 6])
    turn = np.array([[0.86, -0.5, 0], [0.5, 0.86, 0], [0, 0, 1]])
    bed = (frame.cavity().grown(-5), frame.below_diaphragm().grown(-5))
    spleen = ellipsoid(middle, size * np.array([35, 60, 56]), turn).within(*bed, soft_mm=8)
    canvas.paint(spleen, tissues.spleen, CLASSES["spleen"])


def paint_kidneys(canvas: Canvas, tissues: Tissues, random: np.random.Generator) -> None:
    """Paint both kidneys in their fat, which displaces liver and spleen."""
    both = np.exp(random.normal(0, 0.07))
    for side, name, usual in ((-1, "kidney_left", (-73, 8, -22)), (1, "kidney_right", (71, 10, -36))):
        middle = np.array(usual) + random.normal(0, [3, 3, 8])
        axis = np.array([-0.25 * side, -0.22, 1.0]) + random.normal(0, 0.06, 3)
        up = axis / np.linalg.norm(axis)
        inwards = np.array([-0.8 * side, 0.6, 0.0])  # hila look inwards and to the front
        inwards -= up * (inwards @ up)
        inwards /= np.linalg.norm(inwards)
        turn = np.stack([inwards, np.cross(up, inwards), up])
        radii = both * np.exp(random.normal(0, 0.05, 3)) * [25, 28, 54]
        whole = ellipsoid(middle, radii, turn)
        hilum = ellipsoid(middle + 24 * both * inwards, both * np.array([16, 13, 20]), turn)
        kidney = whole.without(hilum, soft_mm=4)
        canvas.paint(whole.grown(random.uniform(3, 7)), tissues.fat, BODY)
        canvas.paint(kidney, tissues.kidney_cortex, CLASSES[name])
        canvas.paint(kidney.grown(-6), tissues.kidney)
        canvas.paint(ellipsoid(middle + 10 * inwards, (6, 6, 16), turn), tissues.urine)


def paint_bladder(canvas: Canvas, frame: Frame, tissues: Tissues, random: np.random.Generator) -> None:
    """Paint the bladder, as full as it happens to be, and what lies below it."""
    room = frame.cavity().grown(-4)
    half = random.uniform(30, 47)
    radii = half * np.array([1.05, 0.85, 0.85])
    middle = np.array([random.normal(0, 3), 62.0, -266 + radii[2]])
    canvas.paint(ellipsoid((0, 42, -276), (22, 18, 16)), tissues.muscle, BODY)
    bladder = ellipsoid(middle, radii).within(room, soft_mm=8)
    canvas.paint(bladder.grown(3), tissues.fat, BODY)
    canvas.paint(bladder, tissues.muscle - 10, CLASSES["urinary_bladder"])
    canvas.paint(bladder.grown(-3), tissues.urine)


def _paint_stomach(
    canvas: Canvas, room: tuple[Shape, Shape], tissues: Tissues, random: np.random.Generator
) -> None:
    middle = np.array([-58.0, 72.0, 42.0]) + random.normal(0, 4, 3)
    level = middle[1] + random.uniform(-5, 25)  # gas lies in front of the fluid
    body = ellipsoid(middle, random.uniform(0.75, 1.05) * np.array([38, 33, 52]))
    stomach = body.within(*room, soft_mm=6)
    canvas.paint(stomach, tissues.bowel, BODY)
    canvas.paint(stomach.grown(-4), lambda p: np.where(p[1] > level, -900, 15))
