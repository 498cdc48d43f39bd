"""The most confident mistakes of a classifier, drawn: the image, and on it what the network looked at."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from PIL import Image
from scipy import ndimage

from medse.arrays import AnyArray, FloatArray
from medse.errors import InputError
from medse.report.panels import window_of
from medse.scores.classification import CaseRow, ClassificationScores
from medse.volumes.names import IMAGES
from medse.volumes.reading import IMAGE_OPENERS, channels_of, grid_of, images_of, open_volume

MOST = 10
MOST_BARS = 6
"""Classes whose probability is drawn beside a picture; the least probable ones are summed up where there are more."""
PIXELS = 400
"""Longer side of a picture on the page."""
OPACITY = 0.5
"""Of the map where it is highest; it fades to nothing where it is lowest, so that the image stays visible."""
SLICE_AXIS = 2
"""RAS axis that slices are cut across where nothing else is known."""
_PLANES = ("Sagittal", "Coronal", "Axial")
_LOWEST, _HIGHEST = 0.25, 0.85
"""Part of the colour map that is used: its darkest and palest colours could not be told from tissue."""
_QUALITY = 88


@dataclass(frozen=True)
class Bar:
    """The probability of a class, or of several together; ``role``: predicted, reference or nothing."""

    label: str
    probability: float
    role: str


@dataclass(frozen=True)
class Mistake:
    """A case that was given the wrong class.

    Attributes:
        image: JPEG; None where it is not shown.
        overlaid: JPEG of the same with the map; None without one.
        size: Width and height of both in pixels.
        said: What the picture is, or why there is none.
    """

    row: CaseRow
    bars: tuple[Bar, ...]
    image: bytes | None
    overlaid: bytes | None
    size: tuple[int, int]
    said: str


def draw_mistakes(scores: ClassificationScores, images: Path | None, maps: Path | None) -> list[Mistake]:
    """Draw the :data:`MOST` mistakes with the highest probability, the most confident first.

    Args:
        images: Folder below which the images lie.
        maps: Folder of heat maps, ``CASE.png`` or ``CASE.nii.gz``, on the grid of the images.

    Raises:
        InputError: An image of one of them is missing, or it or a map cannot be read, or they do not fit together.
    """
    axis = int(scores.split.get("slice_axis", SLICE_AXIS))
    return [_draw(row, scores.labels, images, maps, axis) for row in scores.mistakes[:MOST]]


def map_colours() -> list[str]:
    """Return the colours of the map from little to most, as they look on a middle grey."""
    shown = [_blended(np.full((1, 1, 3), 0.45), np.full((1, 1), v))[0, 0] for v in np.linspace(0, 1, 9)]
    return [f"rgb({', '.join(str(round(255 * c)) for c in colour)})" for colour in shown]


def _draw(
    row: CaseRow, labels: Sequence[str], images: Path | None, maps: Path | None, slice_axis: int
) -> Mistake:
    bars = _bars(row, labels)
    if images is None:
        return Mistake(row, bars, None, None, (0, 0), "")
    file = find_image(images, row)
    heat = None if maps is None else find_map(maps, row.case)
    planes, lengths, said = _read(file, row.slice, heat, slice_axis)
    if planes is None:
        return Mistake(row, bars, None, None, (0, 0), said)
    plane, shown_map = planes
    scale = PIXELS / max(lengths)
    size = max(1, round(lengths[0] * scale)), max(1, round(lengths[1] * scale))
    picture = _resized(plane, size)
    overlaid = None if shown_map is None else _with_outline(picture, _resized(shown_map, size))
    return Mistake(row, bars, _jpeg(picture), None if overlaid is None else _jpeg(overlaid), size, said)


def _bars(row: CaseRow, labels: Sequence[str]) -> tuple[Bar, ...]:
    def role(label: str) -> str:
        return {row.predicted: "predicted", row.reference: "reference"}.get(label, "")

    pairs = sorted(zip(labels, row.probabilities, strict=True), key=lambda pair: -pair[1])
    bars = [Bar(label, p, role(label)) for label, p in pairs]
    if len(bars) <= MOST_BARS:
        return tuple(bars)
    kept = [bar for k, bar in enumerate(bars) if k < MOST_BARS - 2 or bar.role]
    rest = [bar for bar in bars if bar not in kept]
    return (*kept, Bar(f"{len(rest)} other classes", sum(bar.probability for bar in rest), ""))


def find_image(images: Path, row: CaseRow) -> Path:
    """Return the file of a case's image: as its row says, or named like the case.

    Raises:
        InputError: There is none.
    """
    named = [images / row.image, images / Path(row.image).name] if row.image else []
    for path in (*named, *(images / f"{row.case}{suffix}" for suffix in IMAGES)):
        if path.is_file():
            return path
    missing = named[0] if named else images / f"{row.case}.png"
    raise InputError(
        f"{missing} does not exist, the image of case {row.case}; images are sought below the folder of images; give "
        "that folder, add the file, or leave the images out."
    )


def find_map(maps: Path, case: str) -> Path | None:
    """Return the file of a case's map; None where there is none."""
    return next(
        (path for suffix in (".png", ".nii.gz") if (path := maps / f"{case}{suffix}").is_file()), None
    )


def _read(
    file: Path, index: int | None, heat: Path | None, slice_axis: int
) -> tuple[tuple[FloatArray, FloatArray | None] | None, tuple[float, float], str]:
    """Return picture and map as displayed, between 0 and 1, the picture's width and height, and what it is.

    Shape:
        Picture ``(rows, columns, 3)``, map ``(rows, columns)``.
    """
    opened = open_volume(file, IMAGE_OPENERS)
    channels = channels_of(opened)
    if channels not in (1, 3):
        return None, (0, 0), f"The image has {channels} channels and is not shown."
    grid = grid_of(opened, channels)
    values = grid.to_canonical(images_of([opened], grid))
    lengths, spacing = values.shape[1:], grid.canonical_spacing_mm
    flat = [axis for axis in (2, 1, 0) if lengths[axis] == 1]
    volume = None
    if heat is not None and (index is None and not flat):
        volume = _map_volume(heat, file, lengths)
    if flat:
        axis, index, said = flat[0], 0, ""
    elif index is not None:
        axis, said = slice_axis, f"{_PLANES[slice_axis]} slice {index}, counted from 0."
    elif volume is not None:
        axis = 2
        index = int(np.unravel_index(int(volume.argmax()), volume.shape)[2])
        said = f"A volume: its axial slice {index + 1} of {lengths[2]}, where the map is highest."
    else:
        said = "The image is a volume and no map says which of its slices to show; it is not shown."
        return None, (0, 0), said
    if not index < lengths[axis]:
        raise InputError(f"{file} has {lengths[axis]} slices and {index} was asked for; correct its number.")
    plane = _displayed(values.take(index, 1 + axis))
    low, high = (0.0, 255.0) if channels == 3 and opened.largest else window_of(plane)
    shown = np.clip((plane - low) / (high - low), 0, 1)
    rgb = np.moveaxis(np.broadcast_to(shown, (3, *shown.shape[1:])), 0, -1).astype(np.float64)
    columns, rows = (n for other, n in enumerate(lengths) if other != axis)
    wide, high_mm = (mm for other, mm in enumerate(spacing) if other != axis)
    size = columns * wide, rows * high_mm
    if heat is None:
        return (rgb, None), size, said
    if volume is None:
        found = _map_plane(heat, index, axis)
    else:
        found = _displayed(np.moveaxis(volume, axis, 0)[index : index + 1])[0]
    if found.shape != rgb.shape[:2]:
        raise InputError(
            f"{heat} has {found.shape[0]} rows and {found.shape[1]} columns and {file}, as displayed, {rgb.shape[0]} "
            f"and {rgb.shape[1]}; a map lies on the grid of its image; make the maps again."
        )
    return (rgb, found / 255), size, said


def _map_volume(heat: Path, file: Path, lengths: tuple[int, ...]) -> FloatArray | None:
    opened = open_volume(heat)
    grid = grid_of(opened)
    values = grid.to_canonical(images_of([opened], grid))[0]
    if values.shape != lengths:
        raise InputError(
            f"{heat} has the shape {values.shape} and {file} {lengths}, both in RAS order; a map lies on the grid of "
            "its image; make the maps again."
        )
    return np.asarray(values, np.float64)


def _map_plane(heat: Path, index: int, axis: int) -> FloatArray:
    opened = open_volume(heat)
    grid = grid_of(opened)
    values = grid.to_canonical(images_of([opened], grid))
    if opened.largest:
        axis, index = 2, 0
    elif values.shape[1 + axis] == 1:
        index = 0
    return np.asarray(
        _displayed(values.take(min(index, values.shape[1 + axis] - 1), 1 + axis))[0], np.float64
    )


def _displayed(plane: AnyArray) -> AnyArray:
    """Turn ``(C, right, up)`` into ``(C, rows, columns)``."""
    return plane[:, :, ::-1].swapaxes(1, 2)


def _resized(plane: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Return ``(rows, columns[, 3])`` at another width and height."""
    layers = plane[..., None] if plane.ndim == 2 else plane
    method = Image.Resampling.BICUBIC
    resized = [
        np.asarray(Image.fromarray(layers[..., k].astype(np.float32)).resize(size, method))
        for k in range(layers.shape[2])
    ]
    return np.clip(
        np.stack(resized, axis=-1).astype(np.float64).reshape(size[1], size[0], *plane.shape[2:]), 0, 1
    )


def _blended(picture: FloatArray, heat: FloatArray) -> FloatArray:
    colours = colormaps["inferno"](_LOWEST + (_HIGHEST - _LOWEST) * heat)[..., :3]
    opacity = OPACITY * heat[..., None]
    grey = picture.mean(-1, keepdims=True)  # the picture's own colours would mix with those of the map
    return np.asarray(grey * (1 - opacity) + colours * opacity)


def _with_outline(picture: FloatArray, heat: FloatArray) -> FloatArray:
    """Lay the map over the picture, with a line where it is half as high as at its highest."""
    blended = _blended(picture, heat)
    half = heat >= 0.5 * max(float(heat.max()), 1e-6)
    blended[half & ~ndimage.binary_erosion(half)] = 1.0
    return blended


def _jpeg(picture: FloatArray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((255 * picture).round().astype(np.uint8)).save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
