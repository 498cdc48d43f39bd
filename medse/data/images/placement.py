"""Where an image has its place in the input of a network, there and back."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from medse.arrays import AnyArray, ImageArray
from medse.data.images.scaling import fitted, scaled
from medse.errors import InputError
from medse.volumes.grid import Grid


@dataclass(frozen=True)
class Placement:
    """The way from the voxels of a file to the input of a network, and back.

    Attributes:
        grid: Where the voxels lie.
        size: Of the input.
        content: Lengths of what the image takes of it; the rest is padding.
        axis: RAS axis that a slice is cut across; None for a whole volume.
        index: Which slice.
    """

    grid: Grid
    size: tuple[int, ...]
    content: tuple[int, ...]
    axis: int | None
    index: int = 0

    def cut(self, voxels: AnyArray) -> AnyArray:
        """Return ``(C, X, Y, Z)`` on the file's axes as displayed, ``(C, rows, columns)``, or in RAS order."""
        canonical = self.grid.to_canonical(voxels)
        if self.axis is None:
            return canonical
        plane: AnyArray = canonical.take(self.index, 1 + self.axis)
        return plane[:, :, ::-1].swapaxes(1, 2)

    def padded(self, content: AnyArray, value: float) -> AnyArray:
        """Return ``(C, *content)`` in the middle of ``(C, *size)``."""
        if self.content == self.size:
            return np.ascontiguousarray(content)
        whole = np.full((len(content), *self.size), value, content.dtype)
        whole[(slice(None), *self._box)] = content
        return whole

    def restored(self, values: ImageArray) -> ImageArray:
        """Return a map ``(*size)`` at the pixels of the image.

        Returns:
            ``(rows, columns)`` of a picture or slice as displayed; of a volume ``(X, Y, Z)`` on the file's own axes.
        """
        inner = np.asarray(values[self._box], np.float32)[None]
        if self.axis is not None:
            plane: ImageArray = scaled(inner, self._displayed)[0]
            return plane
        volume: ImageArray = scaled(inner, self.grid.canonical_shape)[0]
        return np.ascontiguousarray(self.grid.from_canonical(volume))

    @property
    def _box(self) -> tuple[slice, ...]:
        starts = [(whole - part) // 2 for whole, part in zip(self.size, self.content, strict=True)]
        return tuple(slice(start, start + part) for start, part in zip(starts, self.content, strict=True))

    @property
    def _displayed(self) -> tuple[int, int]:
        columns, rows = (n for axis, n in enumerate(self.grid.canonical_shape) if axis != self.axis)
        return rows, columns


def placed(grid: Grid, size: Sequence[int], slice_axis: int, index: int | None) -> Placement:
    """Return where an image on ``grid`` has its place in an input of ``size``.

    Args:
        index: Of the slice along ``slice_axis`` of the RAS axes; None for all there is.

    Raises:
        InputError: As :meth:`medse.data.images.loading.ImageLoader.placement`.
    """
    lengths, spacing = grid.canonical_shape, grid.canonical_spacing_mm
    extents = [n * mm for n, mm in zip(lengths, spacing, strict=True)]
    if len(size) == 3:
        if index is not None or 1 in lengths:
            what = "one slice" if index is None else f"slice {index} of a volume"
            raise InputError(
                f"{grid.source} was given as {what} and data.size has three lengths, for whole volumes; give "
                "volumes, or two lengths as data.size."
            )
        return Placement(grid, tuple(size), fitted(extents, size), None)
    axis = slice_axis
    if index is None:
        flat = [axis for axis, n in enumerate(lengths) if n == 1]
        if not flat:
            raise InputError(
                f"{grid.source} has {lengths[slice_axis]} slices along axis {slice_axis}, and data.size has two "
                "lengths, for single ones; name the slice of each case in a column 'slice', or give data.size three "
                "lengths."
            )
        axis, index = slice_axis if slice_axis in flat else flat[-1], 0
    elif not isinstance(index, int | np.integer) or not 0 <= index < lengths[axis]:
        raise InputError(
            f"{grid.source} has {lengths[axis]} slices along axis {axis} and slice {index} was asked for; whole "
            f"numbers from 0 to {lengths[axis] - 1} are there; correct the number or data.slice_axis."
        )
    columns, rows = (n for other, n in enumerate(extents) if other != axis)
    return Placement(grid, tuple(size), fitted((rows, columns), size), axis, index)
