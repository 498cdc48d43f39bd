"""All slices of a case for the scroller: two pictures that hold a grid of tiles, one tile per slice."""

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageColor

from medse.arrays import AnyArray
from medse.report.panels import FAINT, OPACITY, OTHERS
from medse.report.planes import label_boxes
from medse.volumes.grid import Grid

MOST_SLICES = 48
TILE_PIXELS = 300
"""Longer side of a tile at most; larger slices are made smaller."""
LABEL_PIXELS = 420
"""The tiles of labels are enlarged by a whole number as long as they stay below this."""
_QUALITY = 72
_RIM_OPACITY = 0.75


@dataclass(frozen=True)
class Stack:
    """Axial slices of a case, evenly spaced where there are more than :data:`MOST_SLICES`.

    Attributes:
        numbers: Position of each slice along the axis, counted from 1 at the inferior end.
        count: Number of slices along that axis.
        start: Index in ``numbers`` of the slice that is shown first.
        columns: Tiles side by side; they are filled row by row.
        tile: Width and height of a tile of labels in pixels.
        labels: PNG of outlines and fills on a transparent ground.
        image: JPEG of the image, in the same grid of tiles; None without one.
        ratio: Width by height, in mm.
        letters: Patient direction at the left, right, bottom and top edge; empty where unknown.
    """

    numbers: tuple[int, ...]
    count: int
    start: int
    columns: int
    tile: tuple[int, int]
    labels: bytes
    image: bytes | None
    ratio: float
    letters: str


def draw_stack(
    reference: AnyArray,
    prediction: AnyArray,
    image: AnyArray | None,
    grid: Grid,
    colours: Mapping[int, str],
    window: tuple[float, float],
    start: int,
) -> Stack | None:
    """Draw the axial slices that hold labels; None where there are fewer than two of them, or they are lines.

    Args:
        reference: ``(X, Y, Z)`` class indices on the file's own axes, like the others.
        colours: Class index -> colour.
        window: Intensities that are black and white.
        start: Number of the slice to show first.
    """
    reference, prediction = grid.to_canonical(reference), grid.to_canonical(prediction)
    tight, box = label_boxes((reference != 0) | (prediction != 0), grid.canonical_spacing_mm)
    first, last = tight[2].start, tight[2].stop - 1
    if first == last or 1 in reference.shape[:2]:
        return None
    levels = np.unique(np.linspace(first, last, min(MOST_SLICES, last - first + 1)).round().astype(int))
    at = (box[0], box[1], levels)
    width, height = reference[at].shape[:2]
    shrink = min(1.0, TILE_PIXELS / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    factor = max(1, LABEL_PIXELS // max(size))
    large = (size[0] * factor, size[1] * factor)
    columns = math.ceil(math.sqrt(len(levels)))
    wide, high, _ = grid.canonical_spacing_mm
    drawn = _paint(_sample(reference[at], large), _sample(prediction[at], large), colours)
    return Stack(
        numbers=tuple((levels + 1).tolist()),
        count=reference.shape[2],
        start=int(np.argmin(abs(levels + 1 - start))),
        columns=columns,
        tile=large,
        labels=_label_png(_tiled(drawn, columns), colours),
        image=None if image is None else _image_jpeg(grid.to_canonical(image)[at], size, columns, window),
        ratio=width * wide / (height * high),
        letters="LRPA" if grid.oriented else "",
    )


def _sample(volume: AnyArray, size: tuple[int, int]) -> AnyArray:
    """Bring ``(X, Y, slices)`` to ``(slices, rows, columns)`` of that size by nearest neighbours, top first."""
    across, up = (
        ((np.arange(n) + 0.5) * length / n).astype(int) for n, length in zip(size, volume.shape, strict=False)
    )
    return np.ascontiguousarray(volume[across][:, up[::-1]].transpose(2, 1, 0))


def _paint(reference: AnyArray, prediction: AnyArray, colours: Mapping[int, str]) -> AnyArray:
    """Return entries of the palette: 0 clear, then a fill and a line for each colour, last the dark rim."""
    slots = {colour: k for k, colour in enumerate(dict.fromkeys(colours.values()))}
    slot = np.zeros(max(colours, default=0) + 1, np.uint8)
    for index, colour in colours.items():
        slot[index] = 1 + 2 * slots[colour]
    line = np.zeros(reference.shape, bool)
    for axis in (1, 2):
        ahead, behind = _neighbours(axis)
        change = reference[ahead] != reference[behind]
        line[ahead] |= change
        line[behind] |= change
    line &= reference != 0
    painted = slot[prediction]
    own = line & np.isin(reference, [index for index, colour in colours.items() if colour != OTHERS])
    rim = np.zeros_like(own)
    for axis in (1, 2):
        ahead, behind = _neighbours(axis)
        rim[ahead] |= own[behind]
        rim[behind] |= own[ahead]
    painted[rim] = 1 + 2 * len(slots)
    painted[line] = slot[reference[line]] + 1
    return painted


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    whole = (slice(None),) * axis
    return (*whole, slice(1, None)), (*whole, slice(None, -1))


def _tiled(slices: AnyArray, columns: int) -> AnyArray:
    count, height, width = slices.shape
    rows = -(-count // columns)
    grid = np.zeros((rows * columns, height, width), slices.dtype)
    grid[:count] = slices
    return grid.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def _label_png(painted: AnyArray, colours: Mapping[int, str]) -> bytes:
    palette, opacity = [0, 0, 0], [0.0]
    for colour in dict.fromkeys(colours.values()):
        palette += [*ImageColor.getrgb(colour)[:3]] * 2
        opacity += [FAINT if colour == OTHERS else OPACITY, 1.0]
    picture = Image.fromarray(painted)
    picture.putpalette([*palette, 0, 0, 0])
    buffer = io.BytesIO()
    alpha = bytes(round(255 * share) for share in [*opacity, _RIM_OPACITY])
    picture.save(buffer, "PNG", transparency=alpha)
    return buffer.getvalue()


def _image_jpeg(volume: AnyArray, size: tuple[int, int], columns: int, window: tuple[float, float]) -> bytes:
    low, high = window
    grey = (np.clip((volume.astype(np.float32) - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    upright = np.ascontiguousarray(grey.transpose(2, 1, 0)[:, ::-1])
    tiles = np.stack(
        [np.asarray(Image.fromarray(tile).resize(size, Image.Resampling.BOX)) for tile in upright]
    )
    buffer = io.BytesIO()
    Image.fromarray(_tiled(tiles, columns)).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
