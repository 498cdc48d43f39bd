"""What a picture looks like, in few numbers that survive other sizes, compression, brightness and contrast."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from medse.arrays import FloatArray, ImageArray
from medse.data.images.scaling import scaled

SIDE = 96
"""Rows and columns of the small pictures that are compared."""
COARSE = 24
"""Rows and columns of what is compared for all pairs."""
BLUR, COARSE_BLUR = 4 / SIDE, 2.5 / COARSE
"""Standard deviations, as shares of the side, of the blurs that are taken off to leave details."""
BORDER = 0.06
"""Share of each side that a picture may have been cropped by, about."""
WHOLE, MIDDLE = np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[BORDER, 1 - BORDER], [BORDER, 1 - BORDER]])
"""Boxes of all of a picture, and of what such a border leaves."""
BATCH = 64
"""Pictures that are looked at at a time."""
SPREAD = 2.0
"""Half of the box around what is in a picture, in standard deviations of where its edges are."""


@dataclass(frozen=True)
class Orientation:
    """One of the eight ways to lay a picture on its pixels: transposed first, then flipped along rows and columns."""

    transposed: bool
    rows: bool
    columns: bool
    how: str

    def picture(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        """Return ``(..., rows, columns)`` laid so."""
        turned = values.swapaxes(-1, -2) if self.transposed else values
        return turned[..., :: -1 if self.rows else 1, :: -1 if self.columns else 1]

    def box(self, boxes: FloatArray) -> FloatArray:
        """Return where ``(..., 2, 2)``, the ends along rows and columns in shares of the sides, comes to lie."""
        turned = boxes[..., ::-1, :].copy() if self.transposed else boxes.copy()
        for axis, flipped in enumerate((self.rows, self.columns)):
            if flipped:
                turned[..., axis, :] = 1 - turned[..., axis, ::-1]
        return turned


ORIENTATIONS = (
    Orientation(False, False, False, ""),
    Orientation(False, False, True, "mirrored left to right"),
    Orientation(False, True, False, "mirrored top to bottom"),
    Orientation(False, True, True, "turned by 180 degrees"),
    Orientation(True, True, False, "turned by 90 degrees to the left"),
    Orientation(True, False, True, "turned by 90 degrees to the right"),
    Orientation(True, False, False, "mirrored along a diagonal"),
    Orientation(True, True, True, "mirrored along the other diagonal"),
)
BACK = (0, 1, 2, 3, 5, 4, 6, 7)
"""Which orientation undoes each."""


@dataclass(frozen=True)
class Fingerprints:
    """Of n pictures.

    Attributes:
        pictures: ``(n, SIDE, SIDE)`` area averages, stretched to a square, of mean 0 and variance 1.
        boxes: ``(n, 2, 2)`` ends along rows and columns of the box around the content, in shares of the sides.
        whole: ``(n, COARSE, COARSE)`` details of the whole picture, of norm 1.
        inner: The same of the box.
        middle: The same of what a border of :data:`BORDER` leaves.
    """

    pictures: ImageArray
    boxes: FloatArray
    whole: ImageArray
    inner: ImageArray
    middle: ImageArray


def fingerprints(pictures: Sequence[ImageArray]) -> Fingerprints:
    """Return those of small pictures, as :func:`small` makes them."""
    stack = np.stack(pictures)
    boxes = np.stack([_content_box(picture) for picture in stack])
    whole, inner, middle = (
        np.concatenate(
            [_coarse(cut(stack[k : k + BATCH], those[k : k + BATCH])) for k in range(0, len(stack), BATCH)]
        )
        for those in (np.broadcast_to(WHOLE, boxes.shape), boxes, np.broadcast_to(MIDDLE, boxes.shape))
    )
    return Fingerprints(stack, boxes, whole, inner, middle)


def small(picture: ImageArray) -> ImageArray:
    """Return ``(C, rows, columns)`` as one of :attr:`Fingerprints.pictures`, colours as their mean."""
    values = scaled(picture.mean(axis=0, keepdims=True), (SIDE, SIDE))[0].astype(np.float64)
    values -= values.mean()
    look: ImageArray = (values / (float(values.std()) or 1)).astype(np.float32)
    return look


def details(pictures: ImageArray) -> ImageArray:
    """Return ``(n, side, side)`` less what is coarse in it."""
    return _without_blur(pictures, BLUR)


def _without_blur(pictures: ImageArray, blur: float) -> ImageArray:
    sigma = blur * pictures.shape[-1]
    blurred: ImageArray = ndimage.gaussian_filter(pictures, (0, sigma, sigma), mode="nearest")
    difference: ImageArray = pictures - blurred
    return difference


def _coarse(pictures: ImageArray) -> ImageArray:
    found = _without_blur(scaled(pictures, (COARSE, COARSE)), COARSE_BLUR)
    found -= found.mean(axis=(1, 2), keepdims=True)
    norms = np.linalg.norm(found, axis=(1, 2), keepdims=True)
    return np.asarray(np.divide(found, norms, out=np.zeros_like(found), where=norms > 1e-6), np.float32)


def _content_box(picture: ImageArray) -> FloatArray:
    """Return the box around the content: where edges are on average, and :data:`SPREAD` standard deviations about.

    So an empty border, or its loss, leaves the box where it is in what is shown.
    """
    across, along = np.gradient(picture)
    edges = np.abs(across) + np.abs(along)
    edges = np.maximum(edges - 0.1 * np.percentile(edges, 99), 0)
    box = np.tile((0.0, 1.0), (2, 1))
    if total := float(edges.sum()):
        middles = (np.arange(SIDE) + 0.5) / SIDE
        for axis in (0, 1):
            weights = edges.sum(axis=1 - axis, dtype=np.float64) / total
            mean = weights @ middles
            half = SPREAD * max(float(np.sqrt(weights @ (middles - mean) ** 2)), 1 / SIDE)
            box[axis] = mean - half, mean + half
    return box


def cut(pictures: ImageArray, boxes: FloatArray) -> ImageArray:
    """Return what is in the boxes ``(n, 2, 2)`` of pictures ``(n, side, side)``, stretched to the same side.

    Beyond a picture there are its last rows and columns.
    """
    side = pictures.shape[-1]
    low, high = boxes[..., :1], boxes[..., 1:]
    places = ((low + (np.arange(side) + 0.5) / side * (high - low)) * side - 0.5).clip(0, side - 1)
    lines = (1 - np.abs(places[..., None] - np.arange(side))).clip(0).astype(np.float32)
    found: ImageArray = lines[:, 0] @ pictures @ lines[:, 1].swapaxes(1, 2)
    return found
