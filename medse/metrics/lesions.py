"""Lesions: the connected components of a mask, and which of them belong together in two masks."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.ndimage import generate_binary_structure, label
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from medse.arrays import BoolArray, FloatArray, LabelArray
from medse.metrics.overlap import Counts

Connectivity = Literal["faces", "edges", "corners"]

_RANK: dict[Connectivity, int] = {"faces": 1, "edges": 2, "corners": 3}
_SHARED: dict[Connectivity, str] = {
    "faces": "a face",
    "edges": "a face or an edge",
    "corners": "a face, an edge or a corner",
}


@dataclass(frozen=True)
class Lesion:
    """One connected component of a mask.

    Attributes:
        number: From 1, largest first; of equal ones that first whose first voxel comes first.
        partner: Number of the lesion of the other mask that it belongs to; None without one.
        dice: Of the two; 0 without a partner.
    """

    number: int
    voxels: int
    partner: int | None
    dice: float


@dataclass(frozen=True)
class LesionMatch:
    """The lesions of two masks, in the order of their numbers, and the pairs that belong together."""

    reference: tuple[Lesion, ...]
    prediction: tuple[Lesion, ...]

    @property
    def matched(self) -> int:
        return sum(lesion.partner is not None for lesion in self.reference)

    @property
    def f1(self) -> float:
        """``2 matched / (reference + prediction)``; NaN where neither mask has a lesion."""
        lesions = len(self.reference) + len(self.prediction)
        return 2 * self.matched / lesions if lesions else math.nan

    @property
    def mean_dice(self) -> float:
        """Mean Dice over the pairs; NaN without one."""
        dice = [lesion.dice for lesion in self.reference if lesion.partner is not None]
        return math.fsum(dice) / len(dice) if dice else math.nan


def match_lesions(
    reference: BoolArray, prediction: BoolArray, *, connectivity: Connectivity, iou: float
) -> LesionMatch:
    """Find the lesions of both masks and pair them one to one.

    A pair may belong together where its IoU is at least ``iou``; of all one-to-one pairings of such pairs,
    that with the largest sum of IoU is taken.

    Args:
        reference: Mask of two or three dimensions.
        prediction: Mask of the same shape, or the same part of both that holds every voxel of them.
        connectivity: What voxels of one lesion must share. A 2-D mask is one slice of voxels, so pixels
            that meet in a point share an edge.
        iou: Above 0 and at most 1.

    Reference:
        Maier-Hein et al., Metrics reloaded (Nature Methods 2024): localisation by mask IoU, assignment by
        optimal (Hungarian) matching, which they recommend where predictions have no scores.
    """
    first, sizes = components(reference, connectivity)
    second, other = components(prediction, connectivity)
    i, j, both = overlaps(first, second)
    ious = both / (sizes[i] + other[j] - both)
    near = ious >= iou
    pairs = {
        (int(r), int(p)): Counts(int(sizes[r]), int(other[p]), int(common)).dice
        for r, p, common in _best(i[near], j[near], ious[near], both[near])
    }
    return LesionMatch(
        _records(sizes, {r: (p, dice) for (r, p), dice in pairs.items()}),
        _records(other, {p: (r, dice) for (r, p), dice in pairs.items()}),
    )


def lesion_rule(connectivity: Connectivity, iou: float) -> str:
    """Return the rule of :func:`match_lesions` as a sentence for a report."""
    return (
        f"Lesions are connected components (voxels that share {_SHARED[connectivity]}); a lesion of the reference "
        f"and one of the prediction can belong together if their IoU is at least {iou:g}, each with at most one "
        "other, and the pairs are chosen so that the sum of their IoU is largest."
    )


def components(mask: BoolArray, connectivity: Connectivity) -> tuple[LabelArray, LabelArray]:
    """Return the number of the lesion of each voxel (0: none) and the voxels of each lesion, by number."""
    structure = generate_binary_structure(mask.ndim, min(_RANK[connectivity], mask.ndim))
    found, count = label(mask, structure)
    where = np.flatnonzero(found)
    held = found.ravel()[where]
    sizes = np.bincount(held, minlength=count + 1)
    first = np.zeros(count + 1, dtype=np.int64)
    first[held[::-1]] = where[::-1]  # the last value given to an element stays
    order = np.lexsort((first[1:], -sizes[1:])) + 1
    numbers = np.zeros(count + 1, dtype=found.dtype)
    numbers[order] = np.arange(1, count + 1)
    return numbers[found], np.concatenate([[0], sizes[order]])


def overlaps(first: LabelArray, second: LabelArray) -> tuple[LabelArray, LabelArray, LabelArray]:
    """Return every pair of numbers above 0 that meet in a voxel, and in how many they do."""
    common = (first > 0) & (second > 0)
    columns = int(second.max(initial=0)) + 1
    codes, voxels = np.unique(first[common].astype(np.int64) * columns + second[common], return_counts=True)
    return codes // columns, codes % columns, voxels


def _best(i: LabelArray, j: LabelArray, ious: FloatArray, both: LabelArray) -> list[tuple[int, int, int]]:
    """Return the pairs ``(i, j, both)`` of the best one-to-one assignment.

    Lesions that no chain of pairs connects cannot compete, so each chain is solved alone.
    """
    if not len(i):
        return []
    rows, row = np.unique(i, return_inverse=True)
    columns, column = np.unique(j, return_inverse=True)
    nodes = len(rows) + len(columns)
    chain = connected_components(
        coo_array((ious, (row, column + len(rows))), (nodes, nodes)), directed=False
    )[1]
    order = np.argsort(chain[row], kind="stable")
    starts = np.flatnonzero(np.diff(chain[row][order])) + 1
    chosen: list[tuple[int, int, int]] = []
    for group in np.split(order, starts):
        of, local = np.unique(row[group], return_inverse=True)
        to, other = np.unique(column[group], return_inverse=True)
        gain, pair = np.zeros((len(of), len(to))), np.full((len(of), len(to)), -1)
        gain[local, other], pair[local, other] = ious[group], group
        picked = pair[linear_sum_assignment(gain, maximize=True)]
        chosen += [(int(i[k]), int(j[k]), int(both[k])) for k in picked if k >= 0]
    return chosen


def _records(sizes: LabelArray, partners: dict[int, tuple[int, float]]) -> tuple[Lesion, ...]:
    return tuple(
        Lesion(number, int(sizes[number]), *partners.get(number, (None, 0.0)))
        for number in range(1, len(sizes))
    )
