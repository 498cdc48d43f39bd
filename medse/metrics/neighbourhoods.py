"""Where a label map changes, in one pass over it, for all its classes at once."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from medse.arrays import BoolArray, IndexArray, LabelArray

VOXELS = 1 << 20
"""Voxels looked at together: bounds the memory beside the label map."""


@dataclass(frozen=True)
class Slab:
    """The places of a few planes of a grid around which a label map is not the same everywhere.

    Attributes:
        start: Position of the first plane in the flattened grid.
        index: Where they are: positions after ``start``, ascending.
        values: What the label map holds at each offset from there, one row per offset.
    """

    start: int
    index: npt.NDArray[np.int32]
    values: LabelArray
    present: frozenset[int]


@dataclass(frozen=True)
class Neighbourhoods:
    """All such places, with the number of offsets."""

    slabs: tuple[Slab, ...]
    shape: tuple[int, ...]
    """Of the grid: the label map with one or two further places on each axis."""
    offsets: int

    def codes(self, members: Collection[int]) -> tuple[IndexArray, npt.NDArray[np.uint8]]:
        """Return where the class with the values ``members`` touches a neighbourhood, and the offsets as bits."""
        index: list[IndexArray] = [np.empty(0, np.int64)]
        codes: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]
        for slab in self.slabs:
            if held := slab.present.intersection(members):
                code = np.zeros(len(slab.index), np.uint8)
                for bit, row in enumerate(slab.values):
                    code |= _is_member(row, held).view(np.uint8) << np.uint8(bit)
                found = np.flatnonzero(code)
                index.append(slab.index[found] + np.int64(slab.start))
                codes.append(code[found])
        return np.concatenate(index), np.concatenate(codes)


def find_neighbourhoods(labels: LabelArray, offsets: Sequence[tuple[int, ...]]) -> Neighbourhoods:
    """Find where ``labels`` differs between the offsets from a place; outside it is 0.

    Args:
        labels: Label map, in C order for speed.
        offsets: Of a place ``p``, the voxels ``p - 1 + offset`` with offsets of 0, 1 or 2; at most 8.
    """
    reach = 1 + max(max(offset) for offset in offsets)
    shape = tuple(length + 3 - reach for length in labels.shape)
    plane = math.prod(shape[1:])
    slabs = []
    for start, padded in _slabs(labels, reach):
        lengths = (len(padded) + 1 - reach, *shape[1:])
        windows = [
            padded[tuple(slice(o, o + n) for o, n in zip(offset, lengths, strict=True))] for offset in offsets
        ]
        differs = windows[0] != windows[1]
        for window in windows[2:]:
            differs |= windows[0] != window
        places = np.flatnonzero(differs)
        where = np.unravel_index(places, lengths)
        values = np.stack([window[where] for window in windows])
        present = frozenset(np.unique(values).tolist())
        slabs.append(Slab(start * plane, places.astype(np.int32), values, present))
    return Neighbourhoods(tuple(slabs), shape, len(offsets))


def _slabs(labels: LabelArray, reach: int) -> Iterator[tuple[int, LabelArray]]:
    """Yield slabs across the first axis that overlap, each with a rim of zeros, and where they begin."""
    thick = max(1, VOXELS // max(1, labels[0].size))
    places = labels.shape[0] + 3 - reach
    for start in range(0, places, thick):
        first, last = start - 1, min(start + thick, places) + reach - 2  # rows of the label map, half open
        inner = labels[max(0, first) : min(last, labels.shape[0])]
        rows = (max(0, -first), max(0, last - labels.shape[0]))
        yield start, np.pad(inner, [rows, *[(1, 1)] * (labels.ndim - 1)])


def _is_member(values: LabelArray, members: Collection[int]) -> BoolArray:
    found = np.zeros(values.shape, bool)
    for member in members:
        found |= values == member
    return found
