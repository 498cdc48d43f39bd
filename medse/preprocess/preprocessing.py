"""From a volume on its own grid to the training grid, and back."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medse.arrays import ImageArray, LabelArray, bounding_box
from medse.machine import check_memory
from medse.preprocess.intensities import Normalization, normalize
from medse.preprocess.resampling import resample_classes, resample_cubic, resample_labels, resampled_shape
from medse.volumes.grid import Grid

FLOAT = 4
"""Bytes of an intensity."""


@dataclass(frozen=True)
class Prepared:
    """An image on the training grid, with what is needed to go back.

    Attributes:
        image: ``(C, *spatial)`` in RAS order, cropped, normalised and resampled.
        box: Where the crop lies in the volume in RAS order.
        grid: The file's own grid.
    """

    image: ImageArray
    box: tuple[slice, slice, slice]
    grid: Grid


@dataclass(frozen=True)
class Preprocessing:
    """How volumes are resampled to the training grid: the spacing, in RAS order, that a network was trained on.

    Volumes are turned to the nearest RAS axes, cropped to the box of non-zero voxels (skull-stripped scans
    are mostly empty), normalised, and resampled with cubic splines to ``spacing_mm``. Voxel edges, not
    centres, of the first and last voxel stay in place, so the way back is exact in shape and position.

    Attributes:
        spacing_mm: Target spacing in RAS order; along ``slice_axis`` it means nothing.
        normalization: See :func:`medse.preprocess.intensities.normalize`.
        slice_axis: Axis in RAS order that a 2-D network's slices are cut across, not resampled; None in 3-D.
    """

    spacing_mm: tuple[float, float, float]
    normalization: Normalization = "zscore"
    slice_axis: int | None = None

    def image(self, array: ImageArray, grid: Grid) -> Prepared:
        """Bring ``(C, X, Y, Z)`` in the file's order to the training grid.

        Raises:
            InputError: A channel is constant or too large, the spacings differ too much, or memory does not suffice.
        """
        self.shape(grid, grid.canonical_shape)  # refuses before anything is computed
        normal, box = self.normalize(array, grid)
        shape = self.shape(grid, normal[0].shape)
        voxels = " x ".join(map(str, (len(normal), *shape)))
        check_memory(
            FLOAT * len(normal) * math.prod(shape), grid.source, f"{voxels} voxels on the training grid"
        )
        image = np.empty((len(normal), *shape), np.float32)
        for number, channel in enumerate(normal):
            image[number] = resample_cubic(channel, shape)
        return Prepared(image, box, grid)

    def normalize(self, array: ImageArray, grid: Grid) -> tuple[list[ImageArray], tuple[slice, slice, slice]]:
        """Return the channels of ``(C, X, Y, Z)`` in RAS order, cropped and normalised, and their box."""
        canonical = grid.to_canonical(array)
        box = nonzero_box(canonical)
        here = math.prod(side.stop - side.start for side in box)
        check_memory(FLOAT * (len(canonical) + 1) * here, grid.source, f"{here:,} voxels to be normalised")
        names = [f"Channel {number} of {grid.source}" for number in range(1, len(canonical) + 1)]
        named = zip(canonical, names if len(names) > 1 else [grid.source], strict=True)
        return [normalize(channel, box, self.normalization, name) for channel, name in named], box

    def label(self, indices: LabelArray, prepared: Prepared) -> LabelArray:
        """Bring class indices ``(X, Y, Z)`` in the file's order to the training grid."""
        return resample_labels(prepared.grid.to_canonical(indices)[prepared.box], prepared.image.shape[1:])

    def restore(self, scores: ImageArray, prepared: Prepared) -> LabelArray:
        """Turn class scores ``(K, *spatial)`` into class indices ``(X, Y, Z)`` in the file's order.

        Scores are resampled linearly, class by class, before the largest is taken; outside the crop is
        background.
        """
        grid = prepared.grid
        canonical = np.zeros(grid.canonical_shape, dtype=np.int16)
        here = canonical[prepared.box]
        here[:] = resample_classes(scores, here.shape)
        return np.ascontiguousarray(grid.from_canonical(canonical))

    def shape(self, grid: Grid, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape on the training grid of a box of ``shape`` voxels in RAS order."""
        old_mm, new_mm = grid.canonical_spacing_mm, list(self.spacing_mm)
        if self.slice_axis is not None:
            new_mm[self.slice_axis] = old_mm[self.slice_axis]
        return resampled_shape(shape, old_mm, new_mm, grid.source)


def window(patch_size: Sequence[int], slice_axis: int) -> tuple[int, int, int]:
    """Return the patch of a network as a window in volumes ``(X, Y, Z)`` in RAS order.

    That of a 2-D network has length 1 along ``slice_axis``, and its two lengths along the other axes in turn.
    """
    lengths = list(patch_size)
    if len(lengths) == 2:
        lengths.insert(slice_axis, 1)
    x, y, z = lengths
    return x, y, z


def nonzero_box(image: ImageArray) -> tuple[slice, slice, slice]:
    """The smallest box of ``(C, X, Y, Z)`` outside of which all channels are 0; everything if all are."""
    inside = (image != 0).any(axis=0)
    if not inside.any():
        return slice(0, inside.shape[0]), slice(0, inside.shape[1]), slice(0, inside.shape[2])
    x, y, z = bounding_box(inside)
    return x, y, z
