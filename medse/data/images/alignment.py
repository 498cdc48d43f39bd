"""Laying pairs of pictures over each other: by how much one must be stretched and moved to become the other."""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from medse.arrays import FloatArray, ImageArray
from medse.data.images.fingerprints import cut, details
from medse.data.images.scaling import scaled

Step = tuple[int, float, int]
STEPS: tuple[Step, ...] = ((3, 1 / 32, 8), (2, 1 / 64, 6), (1, 1 / 64, 3))
"""How many times smaller the pictures are, the blur as a share of their side, and how often the fit is mended."""
LEAST_COMMON = 0.3
"""Share of the first picture that the second must cover."""
LARGEST_STRETCH = 1.7
FINEST, AROUND, FLOOR = 0.5 / 96, 4 / 96, 0.3
"""Blur that takes noise off and the one that says how strong details are around a place, as shares of the side; and
what is added to the strength, in standard deviations of all details."""

Fit = FloatArray
"""``(n, 2, 2)``: for rows and columns, the scale and the shift from places in the first picture to the second's."""


def start(first: FloatArray, second: FloatArray) -> Fit:
    """Return the fit that lays boxes ``(n, 2, 2)`` over each other."""
    scale = (second[..., 1] - second[..., 0]) / (first[..., 1] - first[..., 0])
    return np.stack([scale, second[..., 0] - first[..., 0] * scale], axis=-1)


def align(first: ImageArray, second: ImageArray, fit: Fit, steps: Sequence[Step] = STEPS) -> Fit:
    """Mend the fits of n pairs of pictures ``(n, side, side)``, coarse to fine.

    Reference:
        Baker and Matthews, "Lucas-Kanade 20 years on", IJCV 2004: the forwards compositional algorithm, section
        3.1.1, with a scale and a shift for each axis, of pictures brought to one mean and variance at each step.
    """
    for smaller, blur, times in steps:
        side = first.shape[-1] // smaller
        sigma = (0, blur * side, blur * side)
        one, other = (
            ndimage.gaussian_filter(scaled(pictures, (side, side)), sigma, mode="nearest")
            for pictures in (first, second)
        )
        for _ in range(times):
            fit = _mended(one, other, fit)
    return fit


def likeness(first: ImageArray, second: ImageArray, fit: Fit) -> FloatArray:
    """Return for n pairs the correlation of details where both are; -1 where they have too little in common.

    Details count alike wherever they are: those of the brain as much as the edge of the skull, which is brighter and
    much the same in the slices beside.
    """
    warped, common = _warped(second, fit)
    one, other = (_standard(_evened(pictures, common), common) for pictures in (first, warped))
    found: FloatArray = (one * other * common).sum(axis=(1, 2)) / common.sum(axis=(1, 2)).clip(1)
    scales = fit[..., 0]
    sound = ((scales > 1 / LARGEST_STRETCH) & (scales < LARGEST_STRETCH)).all(axis=1)
    return np.where(sound & (common.mean(axis=(1, 2)) >= LEAST_COMMON), found, -1.0)


def _evened(pictures: ImageArray, common: ImageArray) -> ImageArray:
    """Return details, divided by how strong they are around each place; :data:`FLOOR` keeps noise down."""
    side = pictures.shape[-1]
    found = _standard(details(ndimage.gaussian_filter(pictures, (0, FINEST * side, FINEST * side))), common)
    around = (0, AROUND * side, AROUND * side)
    strength: ImageArray = np.sqrt(ndimage.gaussian_filter(found**2 * common, around).clip(0))
    return found / (strength + np.float32(FLOOR))


def _mended(first: ImageArray, second: ImageArray, fit: Fit) -> Fit:
    """Take one step of Gauss and Newton."""
    warped, common = _warped(second, fit)
    one, other = _standard(first, common), _standard(warped, common)
    side = first.shape[-1]
    down, right = (gradient * side for gradient in np.gradient(other, axis=(1, 2)))
    places = ((np.arange(side) + 0.5) / side).astype(np.float32)
    changes = np.stack([down * places[:, None], down, right * places, right], axis=1) * common[:, None]
    changes = changes.reshape(*changes.shape[:2], -1)
    residual = ((one - other) * common).reshape(len(first), -1, 1)
    normal = (changes @ changes.swapaxes(1, 2)).astype(np.float64) + np.eye(4)
    step = np.linalg.solve(normal, (changes @ residual).astype(np.float64))[..., 0].reshape(-1, 2, 2)
    step = step.clip(-0.1, 0.1)
    scale, shift = fit[..., 0], fit[..., 1]
    return np.stack([scale * (1 + step[..., 0]), shift + scale * step[..., 1]], axis=-1)


def _warped(pictures: ImageArray, fit: Fit) -> tuple[ImageArray, ImageArray]:
    """Return pictures as they lie over the first ones, and where they do: 1 or 0."""
    side = pictures.shape[-1]
    scale, shift = fit[..., :1], fit[..., 1:]
    places = scale * ((np.arange(side) + 0.5) / side) + shift
    inside = ((places >= 0) & (places <= 1)).astype(np.float32)
    laid = cut(pictures, np.concatenate([shift, shift + scale], axis=-1))
    return laid, inside[:, 0, :, None] * inside[:, 1, None]


def _standard(pictures: ImageArray, common: ImageArray) -> ImageArray:
    """Return pictures with mean 0 and variance 1 where ``common`` is 1."""
    count = common.sum(axis=(1, 2), keepdims=True).clip(1)
    centred = pictures - (pictures * common).sum(axis=(1, 2), keepdims=True) / count
    variance = (centred**2 * common).sum(axis=(1, 2), keepdims=True) / count
    standard: ImageArray = centred / np.sqrt(variance + 1e-12)
    return standard
