"""The three kinds of tumour, and how each looks: what parts them is where they lie and what is inside.

A meningioma sits on the dura with a broad base, smooth and evenly bright. A glioma lies in the white matter, has a
ragged bright rim around a dark core, and oedema around it. A pituitary tumour is a round bright mass in the sella.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from medse.arrays import FloatArray
from medse.phantoms.tumours.head import SELLA, Head
from medse.phantoms.tumours.texture import Texture

Shape = Callable[[FloatArray, FloatArray], FloatArray]
"""From places ``(3, N)`` in mm and their distances from the dura to their distances from the surface, both in mm and
negative inside."""
Look = Callable[[FloatArray, FloatArray, FloatArray], FloatArray]
"""From places ``(3, N)``, their distances from the surface and the signal there to the signal with the tumour."""


@dataclass(frozen=True)
class Lesion:
    """A tumour in MNI space.

    Attributes:
        centre: ``(3,)`` in mm.
        radius_mm: Of a ball of about its size.
        push: Share of the radius by which tissue at the surface was moved away.
        shape: Where it is.
        look: What it looks like.
    """

    centre: FloatArray
    radius_mm: float
    push: float
    shape: Shape
    look: Look

    def pushed(self, points: FloatArray, depth: FloatArray) -> FloatArray:
        """Return where the tissue at ``points`` was before the tumour grew, ``(3, N)``."""
        away = points - self.centre[:, None]
        distance = np.linalg.norm(away, axis=0) + 1e-6
        beyond = np.maximum(distance - self.radius_mm, 0)
        moved = self.push * self.radius_mm * np.exp(-beyond / (1.2 * self.radius_mm))
        inside_dura = np.clip(-depth / 5, 0, 1)
        before: FloatArray = points - away / distance * np.minimum(moved, distance) * inside_dura
        return before


def draw_meningioma(head: Head, random: np.random.Generator) -> Lesion:
    """Draw a tumour that grows inwards from the dura, or to one side of the falx."""
    radius, tissues = random.uniform(8, 20), head.tissues
    on_falx = random.random() < 0.2
    if on_falx:
        side = random.choice((-1.0, 1.0))
        angle = random.uniform(0.15, 0.8) * np.pi
        base = np.array([0.0, -18 + 72 * np.cos(angle), 2 + 52 * np.sin(angle)])
        way = np.array([-side, 0.0, 0.0])
    else:
        base = random.choice(head.template.dura)
        way = head.template.outward(base)
    centre = base - way * radius * random.uniform(0.35, 0.7)
    stretch = np.exp(random.uniform(-0.15, 0.15, size=(3, 1)))
    bumps, amount = Texture(random, 2.5 * radius), random.uniform(0.02, 0.07) * radius
    grain, signal = Texture(random, 5), random.uniform(0.5, 0.85)
    rough, rim = random.uniform(0.01, 0.05), random.uniform(0, 0.12)
    tail_mm = random.uniform(0, 0.9) * radius
    oedema = random.uniform(0.2, 0.5) if random.random() < 0.35 else 0.0

    def to_base(points: FloatArray, depth: FloatArray) -> FloatArray:
        beside_falx: FloatArray = way @ (points - base[:, None]) + 0.5
        return beside_falx if on_falx else depth

    def shape(points: FloatArray, depth: FloatArray) -> FloatArray:
        ball = _ball(points, centre, radius, stretch) + amount * bumps(points)
        across = np.linalg.norm(points - base[:, None], axis=0) - radius - tail_mm
        beyond = to_base(points, depth)
        tail = _both(_both(across, np.abs(beyond + 0.8) - 1.3), depth - 0.6)
        return -_both(-_both(ball, beyond - 0.6), -tail)

    def look(points: FloatArray, distance: FloatArray, before: FloatArray) -> FloatArray:
        swollen = _swell(before, oedema * np.clip(1 - distance / (0.7 * radius), 0, 1), head)
        inside = signal + rough * grain(points) - rim * np.clip(1 + distance / 2, 0, 1)
        cleft = np.clip(1 - np.abs(distance - 0.9) / 0.9, 0, 1) * 0.5  # a little CSF between it and the brain
        around = np.where(before < 1.6 * tissues.white, swollen + cleft * (tissues.csf - swollen), before)
        return _blend(around, inside, distance)

    return Lesion(centre, radius, random.uniform(0.35, 0.6), shape, look)


def draw_glioma(head: Head, random: np.random.Generator) -> Lesion:
    """Draw a tumour of the white matter: mostly a ragged ring with a dark core, else dark with bright patches."""
    radius, tissues = random.uniform(9, 22), head.tissues
    centre = random.choice(head.template.white) + random.uniform(-2, 2, size=3)
    stretch = np.exp(random.uniform(-0.3, 0.3, size=(3, 1)))
    coarse, fine = Texture(random, 2.2 * radius), Texture(random, 0.8 * radius)
    ragged = random.uniform(0.1, 0.2) * radius
    patches, grain = Texture(random, 0.9 * radius), Texture(random, 4)
    ring = random.random() < 0.75
    bright, dark = random.uniform(0.5, 0.85), random.uniform(0.3, 0.75) * tissues.grey
    rim_mm = random.uniform(0.16, 0.34) * radius
    patchy = random.uniform(0.1, 0.5)
    reach, oedema = random.uniform(0.5, 1.3) * radius, random.uniform(0.3, 0.75)

    def shape(points: FloatArray, depth: FloatArray) -> FloatArray:
        ball = _ball(points, centre, radius, stretch)
        uneven = ball + ragged * (coarse(points) + 0.6 * fine(points))
        return _both(uneven, depth + 2)

    def look(points: FloatArray, distance: FloatArray, before: FloatArray) -> FloatArray:
        far = (distance + 0.3 * radius * coarse(points)) / reach
        swollen = _swell(before, oedema * np.clip(1.2 - far, 0, 1), head)
        core = dark + 0.025 * grain(points)
        uneven = patches(points)
        if ring:
            width = rim_mm * np.clip(1 + 0.6 * uneven, 0.25, 2)
            share = np.clip((distance + width) / 1.5 + 0.5, 0, 1) * np.clip(
                1.4 + patchy * fine(points), 0.3, 1
            )
        else:
            share = np.clip((uneven - 1.0) * 1.5, 0, 0.8)
        inside = core + share * (bright + 0.07 * grain(points) - core)
        return _blend(swollen, inside, distance, soft_mm=2.0 if ring else 4.0)

    return Lesion(centre, radius, random.uniform(0.2, 0.5), shape, look)


def draw_pituitary(head: Head, random: np.random.Generator) -> Lesion:
    """Draw a round tumour of the sella; a large one has a second ball above it."""
    radius, tissues = random.uniform(6, 13), head.tissues
    shift = random.uniform((-2, -2, 0), (2, 2, 2))
    sella = np.array(SELLA) + shift + [0, 0, 0.35 * (radius - 5)]
    upper_radius = radius * random.uniform(0.55, 0.95)
    above = sella + np.array([shift[0], -0.1 * radius, radius * random.uniform(0.6, 0.95)])
    stretch = np.exp(random.uniform(-0.15, 0.15, size=(3, 1)))
    bumps, grain = Texture(random, 2 * radius), Texture(random, 4)
    signal = random.uniform(0.48, 0.8)
    cyst = random.uniform(0.3, 0.55) * radius if random.random() < 0.2 else 0.0

    def shape(points: FloatArray, _depth: FloatArray) -> FloatArray:
        both = np.minimum(_ball(points, sella, radius, stretch), _ball(points, above, upper_radius, stretch))
        return both + 0.04 * radius * bumps(points)

    def look(points: FloatArray, distance: FloatArray, before: FloatArray) -> FloatArray:
        hollow = np.clip((cyst - radius - _ball(points, sella, radius, stretch)) / 1.5, 0, 1) if cyst else 0.0
        inside = signal + 0.035 * grain(points)
        return _blend(before, inside + hollow * (1.5 * tissues.csf - inside), distance)

    return Lesion(sella, radius, random.uniform(0.4, 0.7), shape, look)


LESIONS: dict[str, Callable[[Head, np.random.Generator], Lesion]] = {
    "glioma": draw_glioma,
    "meningioma": draw_meningioma,
    "pituitary": draw_pituitary,
}
"""Class -> what draws one."""


def _ball(points: FloatArray, centre: FloatArray, radius: float, stretch: FloatArray) -> FloatArray:
    """Return about how far ``points`` lie from the surface of a ball, stretched along the axes."""
    distance: FloatArray = np.linalg.norm((points - centre[:, None]) / stretch, axis=0) - radius
    return distance


def _both(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return the distance from what lies in both of two shapes."""
    distance: FloatArray = np.maximum(first, second)
    return distance


def _blend(around: FloatArray, inside: FloatArray, distance: FloatArray, soft_mm: float = 1.2) -> FloatArray:
    """Return ``inside`` where the distance is below 0, ``around`` above, and a mixture close to it."""
    share = np.clip(0.5 - distance / soft_mm, 0, 1)
    mixed: FloatArray = around + share * (inside - around)
    return mixed


def _swell(signal: FloatArray, share: FloatArray, head: Head) -> FloatArray:
    """Return the signal of brain with oedema: white matter becomes darker than grey."""
    wet = 0.62 * head.tissues.grey
    brain = (signal > wet) & (signal < 1.15 * head.tissues.white)
    swollen: FloatArray = np.where(brain, signal + share * (wet - signal), signal)
    return swollen
