"""Organs of the chest: lungs with their vessels, heart, great vessels and airway."""

import numpy as np

from medse.phantoms.torso.frame import Frame
from medse.phantoms.torso.shapes import (
    EVERYWHERE,
    Canvas,
    Shape,
    any_of,
    centre_line,
    ellipsoid,
    tube,
    tubes,
)
from medse.phantoms.torso.tissues import BODY, CLASSES, Tissues

VESSELS = 26
"""Branches in each lung."""
HEART_AXES = np.array([[-0.68, 0.52, -0.52], [0.61, 0.79, 0.0], [0.41, -0.32, -0.85]])
"""Directions of its length, towards the apex, and of its two widths."""


def paint_lungs(canvas: Canvas, frame: Frame, tissues: Tissues, random: np.random.Generator) -> None:
    """Paint both lungs, denser towards the back, and their vessels."""
    below = frame.below_diaphragm().grown(4)
    between = ellipsoid((0, 14, 195), (33, 62, 175))
    slope = random.uniform(0.2, 0.6)  # HU per mm; patients lie on their backs
    cavity = frame.cavity().grown(-3)
    for side, label in ((-1, CLASSES["lung_left"]), (1, CLASSES["lung_right"])):
        own = Shape(lambda p, side=side: 8 - side * p[0], EVERYWHERE)  # type: ignore[misc]
        lung = Shape(cavity.distance, np.array([[-160, -80, -20], [160, 140, 292]]))
        lung = lung.without(below, soft_mm=8).without(between, soft_mm=6).within(own)
        canvas.paint(lung, lambda p: tissues.lung - slope * (p[1] - 30), label)
        inside = canvas.points[:, canvas.label == label]
        ends = inside[:, random.integers(inside.shape[1], size=VESSELS)].T
        hilum = np.array([34.0 * side, 18.0, 195.0])
        bends = [(hilum + end) / 2 + random.normal(0, 10, size=3) for end in ends]
        branches = [
            centre_line([hilum, bend, end], [5, 2.2, 0.8]) for bend, end in zip(bends, ends, strict=True)
        ]
        canvas.paint(tubes(branches).within(lung), tissues.blood)


def paint_heart_and_vessels(
    canvas: Canvas, frame: Frame, tissues: Tissues, random: np.random.Generator
) -> None:
    """Paint heart, aorta, caval and iliac vessels, gullet and airway."""
    wide = np.exp(random.normal(0, 0.1))
    old = random.uniform(0.9, 1.2)  # aortas widen with age
    middle = np.array([-20.0, 68.0, 130.0]) + random.normal(0, [4, 2, 4])
    below = frame.below_diaphragm().grown(3)
    heart = ellipsoid(middle, wide * np.array([58, 43, 46]), HEART_AXES).without(below, soft_mm=4)
    _paint_veins(canvas, tissues)
    canvas.paint(
        tube([(-2, 14, 320), (-4, 14, 250), (-6, 8, 190), (-10, 18, 110), (-25, 50, 75)], 8), 42, BODY
    )
    canvas.paint(heart.grown(4), tissues.fat, BODY)
    canvas.paint(tube(_aorta(random), old * np.array(AORTA_MM)), tissues.blood, CLASSES["aorta"])
    canvas.paint(heart, tissues.heart_muscle, CLASSES["heart"])
    chambers = heart.grown(-7)
    canvas.paint(chambers, 0.9 * tissues.blood + 0.1 * tissues.heart_muscle)
    left = ellipsoid(
        middle + wide * 20 * HEART_AXES[0] + [-6, 0, 0], wide * np.array([38, 25, 25]), HEART_AXES
    )
    canvas.paint(left.grown(9).within(chambers), tissues.heart_muscle)
    canvas.paint(left.within(chambers), tissues.blood)
    _paint_airway(canvas, random)


AORTA_MM = (15, 15, 14, 13.5, 13, 12.5, 12, 12, 11.5, 11, 10, 9, 8)
"""Radius at the places of :func:`_aorta`."""


def _aorta(random: np.random.Generator) -> list[tuple[float, float, float]]:
    """Places from the root over the arch to the bifurcation."""
    arch = random.normal(0, 4)
    bend = random.normal(0, 3)
    return [
        (4, 62, 158), (16, 64, 190), (17, 58, 215), (2, 42, 237 + arch), (-14, 22, 234 + arch), (-24, 6, 214),
        (-25, 4, 180), (-24 + bend, 8, 130), (-18 + bend, 22, 80), (-12, 41, 33), (-11, 52, 0), (-9, 62, -50),
        (-5, 68, -104),
    ]  # fmt: skip


def _paint_veins(canvas: Canvas, tissues: Tissues) -> None:
    """Paint caval veins, pulmonary trunk and iliac vessels."""
    lower = [(15, 64, -105), (17, 60, -50), (19, 52, 0), (22, 46, 50), (22, 48, 90), (15, 55, 120)]
    canvas.paint(tube(lower, 10), tissues.veins, BODY)
    canvas.paint(tube([(20, 52, 130), (24, 50, 170), (26, 48, 225), (18, 38, 265)], 10), tissues.veins, BODY)
    canvas.paint(tube([(-18, 72, 170), (-20, 50, 198), (0, 38, 200), (30, 24, 196)], 10), tissues.blood, BODY)
    canvas.paint(tube([(-20, 50, 198), (-31, 24, 198)], 9), tissues.blood, BODY)
    for side in (-1, 1):
        for start, y, hu in ((-5, 0, tissues.blood), (15, -12, tissues.veins)):
            way = [(start, 68), (42 * side, 52 + y), (58 * side, 62 + y), (72 * side, 92 + y)]
            canvas.paint(tube(np.column_stack([way, (-106, -175, -230, -300)]), 6), hu, BODY)


def _paint_airway(canvas: Canvas, random: np.random.Generator) -> None:
    """Paint the windpipe and the first part of both main bronchi, as one class."""
    carina = (3.0 + random.normal(0, 2), 19.0, 222.0 + random.normal(0, 4))
    windpipe = tube([(0, 30, 350), (0, 29, 300), (1, 26, 260), carina], random.uniform(8, 10.5))
    right = tube([carina, (20, 17, 206), (38, 16, 192)], [8.5, 7.5, 6])
    left = tube([carina, (-22, 17, 204), (-44, 14, 190)], [8.5, 7, 5.5])

    airway = Shape(
        lambda p: any_of(*(part.distance(p) for part in (windpipe, right, left))),
        np.array([[-60, 0, 180], [60, 50, 360]]),
    )
    canvas.paint(airway.grown(2.5), 40, BODY)
    canvas.paint(airway, -985, CLASSES["trachea"])
