"""From a volume on its own grid to the network's grid, and scores back: NumPy only.

Training and prediction call the same code, so a network meets the intensities it was trained on.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from medse.errors import InputError
from medse.grid import Grid
from medse.volumes.reading import FloatArray

Normalization = Literal["zscore", "zscore_nonzero"] | None
SAME_SPACING = 0.01
"""Relative difference of spacing below which an axis is not resampled."""


@dataclass(frozen=True)
class Prepared:
    """An image on the network's grid, with what is needed to go back.

    Attributes:
        image: ``(C, *spatial)`` in RAS order, cropped, normalised and resampled.
        box: Where the crop lies in the volume in RAS order.
        grid: The file's own grid.
    """

    image: FloatArray
    box: tuple[slice, slice, slice]
    grid: Grid


@dataclass(frozen=True)
class Preprocessing:
    """How volumes reach the network's grid.

    Volumes are turned to the nearest RAS axes, cropped to the box of non-zero voxels (skull-stripped scans
    are mostly empty), normalised, and resampled with cubic splines to ``spacing_mm``. Voxel edges, not
    centres, of the first and last voxel stay in place, so the way back is exact in shape and position.

    Attributes:
        spacing_mm: Target spacing in RAS order.
        normalization: ``zscore``: zero mean and unit variance per channel; ``zscore_nonzero``: the same
            over non-zero voxels, the others become 0; None: as in the file.
    """

    spacing_mm: tuple[float, float, float]
    normalization: Normalization = "zscore"

    def image(self, array: FloatArray, grid: Grid) -> Prepared:
        """Bring ``(C, X, Y, Z)`` in the file's order to the network's grid.

        Raises:
            InputError: A channel is constant, so that it cannot be normalised.
        """
        canonical = grid.to_canonical(array)
        box = nonzero_box(canonical)
        cropped = canonical[(slice(None), *box)]
        normal = np.stack([self._normalize(c, grid.source) for c in cropped])
        shape = self.shape(grid, normal.shape[1:])
        resampled = np.stack([_resample_image(channel, shape) for channel in normal])
        return Prepared(resampled, box, grid)

    def label(self, indices: npt.NDArray[np.integer], prepared: Prepared) -> npt.NDArray[np.integer]:
        """Bring class indices ``(X, Y, Z)`` in the file's order to the network's grid."""
        cropped = prepared.grid.to_canonical(indices)[prepared.box]
        shape = prepared.image.shape[1:]
        if cropped.shape == shape:
            return np.ascontiguousarray(cropped)
        present = np.unique(cropped)
        best = _argmax_resampled(((cropped == k).astype(np.float32) for k in present), shape)
        label: npt.NDArray[np.integer] = present[best].astype(indices.dtype)
        return label

    def restore(self, scores: FloatArray, prepared: Prepared) -> npt.NDArray[np.integer]:
        """Turn class scores ``(K, *spatial)`` into class indices ``(X, Y, Z)`` in the file's order.

        Scores are resampled linearly, class by class, before the largest is taken; outside the crop is
        background.
        """
        grid = prepared.grid
        box = prepared.box
        shape = tuple(part.stop - part.start for part in box)
        canonical = np.zeros(grid.canonical_shape, dtype=np.int16)
        canonical[box] = (
            scores.argmax(axis=0) if scores.shape[1:] == shape else _argmax_resampled(scores, shape)
        )
        return np.ascontiguousarray(grid.from_canonical(canonical))

    def shape(self, grid: Grid, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape on the network's grid of a box of ``shape`` voxels in RAS order."""
        pairs = zip(shape, grid.canonical_spacing_mm, self.spacing_mm, strict=True)
        return tuple(
            n if abs(old - new) <= SAME_SPACING * new else max(1, round(n * old / new))
            for n, old, new in pairs
        )

    def _normalize(self, channel: FloatArray, source: str) -> FloatArray:
        if self.normalization is None:
            return channel
        inside = channel != 0 if self.normalization == "zscore_nonzero" else np.ones(channel.shape, bool)
        values = channel[inside].astype(np.float64)
        deviation = values.std() if values.size else 0.0
        if deviation <= 1e-6 * max(1.0, float(np.abs(values).max(initial=0.0))):
            raise InputError(
                f"{source} has a constant channel, which cannot be normalised to unit variance; "
                "check that it is the intended image."
            )
        return np.where(inside, (channel - values.mean()) / deviation, 0).astype(np.float32)


def nonzero_box(image: FloatArray) -> tuple[slice, slice, slice]:
    """The smallest box of ``(C, X, Y, Z)`` outside of which all channels are 0; everything if all are."""
    inside = (image != 0).any(axis=0)
    if not inside.any():
        return slice(0, inside.shape[0]), slice(0, inside.shape[1]), slice(0, inside.shape[2])
    x, y, z = (np.flatnonzero(inside.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1)))
    return slice(x[0], x[-1] + 1), slice(y[0], y[-1] + 1), slice(z[0], z[-1] + 1)


def _resample_image(channel: FloatArray, shape: tuple[int, ...]) -> FloatArray:
    if channel.shape == shape:
        return np.ascontiguousarray(channel)
    shrink = np.array(channel.shape) / shape
    smooth = ndimage.gaussian_filter(channel, np.maximum(0, (shrink - 1) / 2), mode="nearest")
    return _zoom(smooth, shape, order=3)


def _argmax_resampled(scores: Any, shape: tuple[int, ...]) -> npt.NDArray[np.integer]:
    """Index of the largest of several volumes after resampling each, holding two of them at a time."""
    best = np.zeros(shape, dtype=np.int16)
    top = np.full(shape, -np.inf, dtype=np.float32)
    for index, score in enumerate(scores):
        here = _zoom(score, shape, order=1)
        higher = here > top
        best[higher] = index
        top[higher] = here[higher]
    return best


def _zoom(array: FloatArray, shape: tuple[int, ...], order: int) -> FloatArray:
    factors = [new / old for new, old in zip(shape, array.shape, strict=True)]
    zoomed: FloatArray = ndimage.zoom(array, factors, order=order, mode="nearest", grid_mode=True)
    return zoomed
