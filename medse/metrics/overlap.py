"""How many voxels two label maps share, class by class."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from medse.arrays import LabelArray
from medse.labels.value_counts import CHUNK, MOST_BINS, count_values


@dataclass(frozen=True)
class Counts:
    """How many voxels two masks have."""

    reference: int
    prediction: int
    both: int

    @property
    def dice(self) -> float:
        """2|A and B| / (|A| + |B|); NaN where both masks are empty."""
        return _ratio(2 * self.both, self.reference + self.prediction)

    @property
    def iou(self) -> float:
        """|A and B| / |A or B|; NaN where both masks are empty."""
        return _ratio(self.both, self.reference + self.prediction - self.both)

    @property
    def precision(self) -> float:
        """|A and B| / |prediction|; NaN where nothing was predicted."""
        return _ratio(self.both, self.prediction)

    @property
    def recall(self) -> float:
        """|A and B| / |reference|; NaN where the reference is empty."""
        return _ratio(self.both, self.reference)


@dataclass(frozen=True)
class PairCounts:
    """How many voxels hold which value in the reference and which in the prediction.

    Attributes:
        reference_values: The value that each row counts, ascending.
        prediction_values: The same of the columns.
        voxels: Voxel counts, one row per reference value and one column per prediction value.
    """

    reference_values: LabelArray
    prediction_values: LabelArray
    voxels: npt.NDArray[np.int64]

    def of(self, members: Collection[int]) -> Counts:
        """Count the class with the values ``members``; values that occur in neither map are none.

        Reference:
            Maier-Hein et al., Metrics reloaded (Nature Methods 2024), supplementary notes on Dice, IoU,
            precision (positive predictive value) and recall (sensitivity).
        """
        rows = np.isin(self.reference_values, list(members))
        columns = np.isin(self.prediction_values, list(members))
        return Counts(
            int(self.voxels[rows].sum()),
            int(self.voxels[:, columns].sum()),
            int(self.voxels[rows][:, columns].sum()),
        )


def count_pairs(reference: LabelArray, prediction: LabelArray) -> PairCounts:
    """Count every combination of values of two label maps.

    Raises:
        ValueError: The shapes differ or the arrays are empty.
    """
    if reference.shape != prediction.shape or reference.size == 0:
        raise ValueError(
            f"need two non-empty arrays of one shape, got {reference.shape} and {prediction.shape}"
        )
    # In the order of memory these are views.
    order: Literal["C", "F"] = "C" if reference.flags.c_contiguous else "F"
    first, second = (_Coded(labels.ravel(order=order)) for labels in (reference, prediction))
    columns = len(second.values)
    voxels = np.zeros(len(first.values) * columns, dtype=np.int64)
    for rows, others in zip(first.chunks(), second.chunks(), strict=True):
        rows *= columns
        rows += others
        voxels += np.bincount(rows, minlength=len(voxels))
    return PairCounts(first.values, second.values, voxels.reshape(-1, columns))


class _Coded:
    """A flat label map as positions in the list of its ``values``, which ascend."""

    def __init__(self, flat: LabelArray) -> None:
        self._flat = flat
        self._table: npt.NDArray[np.int64] | None = None
        self.values: LabelArray = np.array(list(count_values(flat)))
        if self.values[0] >= 0 and self.values[-1] < MOST_BINS:
            self._table = np.zeros(MOST_BINS, np.int64)
            self._table[self.values] = np.arange(len(self.values))

    def chunks(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the positions, some at a time."""
        for start in range(0, self._flat.size, CHUNK):
            chunk = self._flat[start : start + CHUNK]
            yield np.searchsorted(self.values, chunk) if self._table is None else self._table[chunk]


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan
