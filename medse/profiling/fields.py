"""Which voxels of an image the positions of a map can depend on.

For each spatial axis and each position these voxels are an interval; gaps in it, as dilated kernels leave them, count
as seen. Channels are not told apart: a position has one interval for all its channels.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]

NOTHING = 2**61
"""First voxel, and minus the last one, of an interval without voxels."""


@dataclass(frozen=True, eq=False)
class Field:
    """Which voxels each position of a map can depend on.

    Attributes:
        axes: For each spatial axis ``(2, positions)``: the first voxel, and minus the last one.
        windows: Of indices of maxima: for each axis the positions in each window ``(positions, window)``, and the
            number of positions of the map that was pooled.
        pooled: Whether global pooling left no positions, but one interval per axis.
    """

    axes: tuple[Ints, ...]
    windows: tuple[tuple[Ints, int], ...] = ()
    pooled: bool = False

    @classmethod
    def of_image(cls, lengths: Sequence[int]) -> "Field":
        """Return the field of the image itself: each voxel sees itself."""
        return cls(tuple(np.stack([at := np.arange(length), -at]) for length in lengths))

    @property
    def lengths(self) -> tuple[int, ...]:
        """Positions along each axis."""
        return tuple(axis.shape[1] for axis in self.axes)

    @property
    def widest(self) -> tuple[int, ...]:
        """Voxels in the widest interval of each axis."""
        return tuple(max(0, int((1 - axis.sum(axis=0)).max())) for axis in self.axes)

    def flat_in(self, tensor: Tensor) -> bool:
        """Return whether ``tensor``, whose field this is, has all its positions on one axis."""
        return tuple(tensor.shape[-len(self.axes) :]) != self.lengths

    def seen_from(self, taps: Iterable[Ints]) -> "Field":
        """Return what positions see that look at the positions ``taps``, ``(positions, some)`` for each axis."""
        axes = []
        for axis, at in zip(self.axes, taps, strict=True):
            length = axis.shape[1]
            inside = np.where((at < 0) | (at >= length), length, at)
            axes.append(np.append(axis, [[NOTHING]] * 2, axis=1)[:, inside].min(axis=2))
        return Field(tuple(axes))

    def globally_pooled(self) -> "Field":
        """Return the widest interval of each axis, for all positions together."""
        return Field(tuple(np.array([[0], [1 - width]]) for width in self.widest), pooled=True)

    def unpooled(self, windows: Iterable[tuple[Ints, int]]) -> "Field":
        """Return what positions see that take the values of all windows they are in.

        Args:
            windows: As the attribute of that name.
        """
        axes = []
        for axis, (at, length) in zip(self.axes, windows, strict=True):
            seen = np.full((2, length), NOTHING)
            inside = (at >= 0) & (at < length)
            source = np.repeat(np.arange(axis.shape[1])[:, None], at.shape[1], axis=1)
            for row, given in zip(seen, axis, strict=True):
                np.minimum.at(row, at[inside], given[source[inside]])
            axes.append(seen)
        return Field(tuple(axes))


def together(fields: Sequence[Field]) -> Field:
    """Return what positions see that see all of ``fields``; an axis of length 1 is for all positions of others."""
    if len(fields) == 1:
        return fields[0]
    axes = zip(*(field.axes for field in fields), strict=True)
    return Field(tuple(reduce(np.minimum, along) for along in axes), pooled=fields[0].pooled)
