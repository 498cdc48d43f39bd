"""The picture of one explained image: the image, what speaks for the class, and what attention lets through."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.figure import Figure

from medse.arrays import BoolArray, ImageArray
from medse.files import atomic_path
from medse.pages.figures import LINE, MARK, POINT, plain

PANEL_INCHES = 2.3
DOTS_PER_INCH = 200
OUTLINE = "#56E0FF"
"""Colour of the outline of a tumour: told apart from grey and from the colours of the map."""
OPACITY = 0.75
"""Of the map where it is 1; where it is 0, the image is seen as it is."""
GATE_OPACITY = 0.5
"""Of gates everywhere."""


@dataclass(frozen=True)
class GatePanel:
    """Gates on the image's pixels ``(rows, columns)``, and what they are called."""

    title: str
    values: ImageArray


@dataclass(frozen=True)
class ChannelGates:
    """Gates per channel, for each block in the order in which they run; and the names of their mechanisms."""

    mechanisms: str
    values: tuple[ImageArray, ...]


@dataclass(frozen=True)
class Overlay:
    """What a picture shows, all on the image's own pixels ``(rows, columns)`` as displayed.

    Attributes:
        image: ``(C, rows, columns)``.
        heat: From 0 to 1.
        mask: Outline, if there is one.
        places: Gates that differ over the image.
        channels: Gates that do not, if there are any.
        heading: Lines above the picture: the case, and the classes with their probabilities.
        aspect: Height of a pixel over its width.
        sides: What lies to the left and to the right, ``L`` and ``R`` or ``P`` and ``A`` of the patient; None of a
            picture, which does not say.
    """

    image: ImageArray
    heat: ImageArray
    mask: BoolArray | None
    places: Sequence[GatePanel]
    channels: ChannelGates | None
    heading: Sequence[str]
    aspect: float
    sides: tuple[str, str] | None


def write_overlay(path: Path, overlay: Overlay) -> None:
    """Draw an overlay as PNG, wholly or not at all."""
    figure = draw_overlay(overlay)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})


def draw_overlay(overlay: Overlay) -> Figure:
    """Draw image, map and gates side by side."""
    number = 2 + len(overlay.places) + (overlay.channels is not None)
    rows, columns = overlay.heat.shape
    height = PANEL_INCHES * rows * overlay.aspect / columns
    heading = 0.16 * len(overlay.heading) + 0.1
    size = (number * (PANEL_INCHES + 0.1), height + 0.75 + heading)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(2, number, height_ratios=(height, 0.08))
    pictures = 2 + len(overlay.places)
    panels, bars = ([figure.add_subplot(grid[row, k]) for k in range(pictures)] for row in range(2))
    outline = "" if overlay.mask is None else " and outline" if overlay.mask.any() else ", no outline here"
    _image(panels[0], overlay, f"image{outline}")
    bars[0].set_axis_off()
    # in colours, it would mix with those of a map
    under = replace(overlay, image=overlay.image.mean(0, keepdims=True))
    _image(panels[1], under, "Grad-CAM of the predicted class")
    heat = matplotlib.colormaps["inferno"]
    shown = panels[1].imshow(overlay.heat, _see_through(heat), aspect=overlay.aspect, vmin=0, vmax=1)
    _bar(figure, bars[1], ScalarMappable(shown.norm, heat), "share of its maximum")
    for axes, bar, gates in zip(panels[2:], bars[2:], overlay.places, strict=False):
        _image(axes, under, gates.title)
        low, high = float(gates.values.min()), float(gates.values.max())
        scale = Normalize(low, max(high, low + 1e-3))
        shown = axes.imshow(gates.values, "viridis", aspect=overlay.aspect, alpha=GATE_OPACITY, norm=scale)
        _bar(figure, bar, ScalarMappable(shown.norm, shown.cmap), "gate, mean over channels")
    if overlay.channels is not None:
        panels.append(figure.add_subplot(grid[:, -1]))
        _channels(panels[-1], overlay.channels)
    title = figure.suptitle("\n".join(overlay.heading), fontsize=8, color=LINE, x=0.01, ha="left")
    plain([title, *(axes.title for axes in panels)])
    return figure


def _image(axes: Axes, overlay: Overlay, title: str) -> None:
    """Show the image, and the outline on it."""
    low, high = np.percentile(overlay.image, (0.5, 99.5))
    grey = np.clip((overlay.image - low) / max(float(high - low), 1e-6), 0, 1)
    picture = grey[0] if len(grey) == 1 else np.moveaxis(grey, 0, -1)
    axes.imshow(picture, "gray", aspect=overlay.aspect, vmin=0, vmax=1)
    if overlay.mask is not None and overlay.mask.any():
        for colour, width in (("black", 1.6), (OUTLINE, 0.8)):
            axes.contour(overlay.mask.astype(float), [0.5], colors=colour, linewidths=width, zorder=3)
    for x, side in zip((0.02, 0.98), overlay.sides or (), strict=False):
        axes.text(
            x,
            0.5,
            side,
            color="white",
            fontsize=7,
            ha="left" if x < 0.5 else "right",
            transform=axes.transAxes,
        )
    axes.set_axis_off()
    axes.set_title(title, fontsize=7, color=LINE, linespacing=1.3)


def _see_through(colours: Colormap) -> Colormap:
    """Return the colours, the darker the more transparent."""
    table = colours(np.linspace(0, 1, 256))
    table[:, 3] = OPACITY * np.linspace(0, 1, 256)
    return ListedColormap(table)


def _bar(figure: Figure, axes: Axes, mappable: ScalarMappable, label: str) -> None:
    bar = figure.colorbar(mappable, cax=axes, orientation="horizontal")
    bar.set_label(label, fontsize=6, color=LINE)
    axes.tick_params(labelsize=6, colors=LINE)
    bar.outline.set_visible(False)


def _channels(axes: Axes, gates: ChannelGates) -> None:
    """Show for each block quartiles and range of the gates of its channels."""
    axes.boxplot(
        [values.tolist() for values in gates.values],
        whis=(0, 100),
        widths=0.6,
        medianprops={"color": MARK},
        boxprops={"color": POINT},
        whiskerprops={"color": POINT},
        capprops={"color": POINT},
    )
    blocks = range(1, len(gates.values) + 1)
    axes.set_xticks(blocks, [str(n) if n == 1 or n == len(blocks) or n % 5 == 0 else "" for n in blocks])
    axes.tick_params(labelsize=6, colors=LINE)
    axes.set_xlabel("block, in the order in which they run", fontsize=6, color=LINE)
    axes.set_title(f"gates of the channels\n{gates.mechanisms}", fontsize=7, color=LINE)
    axes.spines[["top", "right"]].set_visible(False)
