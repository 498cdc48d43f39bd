"""Drawing a slice in two layers: the image, and on top the reference outlined and the prediction filled."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import imsave

from medse.arrays import AnyArray
from medse.labels.value_counts import count_values
from medse.report.planes import Plane

COLOURS = ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7", "#009E73", "#D55E00", "#0072B2")
"""Of the classes: Okabe and Ito's palette, told apart with every colour vision, light ones first."""
OTHERS = "#E8EAED"
"""Of all classes beyond those, together; drawn faintly, so that they do not hide the scan."""
OPACITY, FAINT = 0.4, 0.15
WIDTH = 500
"""Pixels that the label layers of a case have in width, on average."""

SOFT_TISSUE_HU = (-160.0, 240.0)
_AIR_HU = -500
"""Intensities below this occur in CT only."""
_DOTS_PER_INCH = 100
_BARS_MM = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)


@dataclass(frozen=True)
class Panel:
    """A drawn slice.

    Attributes:
        labels: PNG of outlines and fills on a transparent ground.
        image: PNG of the image, one pixel per voxel; None without an image.
        bar_mm: Length of a scale bar that suits the slice; to be left away where lengths are not known.
    """

    plane: Plane
    labels: bytes
    image: bytes | None
    bar_mm: float

    @property
    def bar_percent(self) -> float:
        return 100 * self.bar_mm / self.plane.size_mm[0]


def grey_window(planes: Sequence[Plane]) -> tuple[float, float]:
    """Return the intensities that are black and white.

    That is nearly all that the slices of a case show, or the soft tissue window where they show the air of a CT.
    """
    images = [plane.image.ravel() for plane in planes if plane.image is not None]
    if not images:
        return 0.0, 1.0
    return window_of(np.concatenate(images))


def window_of(values: AnyArray) -> tuple[float, float]:
    """As :func:`grey_window`, of the values themselves."""
    low, high = np.percentile(values, (1, 99.5))
    if low < _AIR_HU:
        return SOFT_TISSUE_HU
    return float(low), float(max(high, low + max(1e-6, abs(low) * 1e-6)))


def draw_panels(planes: list[Plane], colours: Mapping[int, str], window: tuple[float, float]) -> list[Panel]:
    """Draw the slices of one case with one scale; ``window``: the intensities that are black and white."""
    pixels_per_mm = WIDTH * len(planes) / sum(plane.size_mm[0] for plane in planes)
    longest = planes[0].size_mm[0] / 3
    bar_mm = max((length for length in _BARS_MM if length <= longest), default=longest)
    return [
        Panel(plane, _draw_labels(plane, colours, pixels_per_mm), _draw_image(plane, *window), bar_mm)
        for plane in planes
    ]


def _draw_image(plane: Plane, low: float, high: float) -> bytes | None:
    if plane.image is None:
        return None
    buffer = io.BytesIO()
    imsave(buffer, plane.image.T, vmin=low, vmax=high, cmap="gray", origin="lower", format="png")
    return buffer.getvalue()


def _draw_labels(plane: Plane, colours: Mapping[int, str], pixels_per_mm: float) -> bytes:
    width, height = plane.size_mm
    inches_per_mm = pixels_per_mm / _DOTS_PER_INCH
    figure = Figure(figsize=(width * inches_per_mm, height * inches_per_mm), dpi=_DOTS_PER_INCH)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    fill = np.zeros((*plane.prediction.shape, 4))
    for value, colour in colours.items():
        fill[plane.prediction == value] = (*to_rgb(colour), FAINT if colour == OTHERS else OPACITY)
    axes.imshow(
        fill.transpose(1, 0, 2),
        origin="lower",
        extent=(0.0, width, 0.0, height),
        interpolation="nearest",
        aspect="auto",
    )
    areas = count_values(plane.reference)
    order = sorted(
        areas.keys() & colours.keys(), key=lambda v: (-areas[v], v)
    )  # a smaller structure's line wins
    for value in sorted(order, key=lambda v: colours[v] != OTHERS):  # a colour of its own wins over grey
        edges = outline(plane.reference == value) * np.array(plane.spacing_mm)
        colour = colours[value]
        rim = [("black", 3.0), (colour, 1.6)]  # the dark rim shows on bright tissue
        thin = [("black", 1.6), (colour, 0.8)]
        for ink, line_width in thin if colour == OTHERS else rim:
            axes.add_collection(
                LineCollection(edges, colors=ink, linewidths=line_width, capstyle="projecting")
            )
    axes.set_xlim(0, width)
    axes.set_ylim(0, height)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", transparent=True, metadata={"Software": None})
    return buffer.getvalue()


def outline(mask: AnyArray) -> AnyArray:
    """Return the border of ``mask`` along the edges of its voxels, in voxels from the lower left corner.

    Shape:
        ``(columns, rows)`` in, ``(segments, 2 ends, 2 coordinates)`` out.
    """
    padded = np.pad(mask, 1)
    upright = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    ends = (
        np.stack([upright, upright + np.array([0, 1])], axis=1),
        np.stack([level, level + np.array([1, 0])], axis=1),
    )
    return np.concatenate(ends)
