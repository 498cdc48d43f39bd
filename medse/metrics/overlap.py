"""How much two label maps overlap, class by class."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LabelArray = npt.NDArray[np.integer]
CHUNK = 1 << 20
"""Voxels counted at a time: bounds the memory beyond the two label maps to some tens of MB."""


@dataclass(frozen=True)
class PairCounts:
    """How many voxels hold which value in the reference and which in the prediction.

    Attributes:
        reference_values: The value that each row counts; rows with one value belong together.
        prediction_values: The same of the columns.
        voxels: Voxel counts, one row per reference value and one column per prediction value.
    """

    reference_values: LabelArray
    prediction_values: LabelArray
    voxels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Overlap:
    """The scores of one class in one case; NaN where a score is undefined."""

    dice: float
    iou: float
    precision: float
    recall: float
    volume_reference_ml: float
    volume_prediction_ml: float


def count_pairs(reference: LabelArray, prediction: LabelArray) -> PairCounts:
    """Count every combination of values of two label maps in one pass.

    Args:
        reference: Label map of any shape.
        prediction: Label map of the same shape.

    Raises:
        ValueError: The shapes differ or the arrays are empty.
    """
    if reference.shape != prediction.shape or reference.size == 0:
        raise ValueError(
            f"need two non-empty arrays of one shape, got {reference.shape} and {prediction.shape}"
        )
    # Files are read in Fortran order, so these are views.
    first, second = reference.ravel(order="F"), prediction.ravel(order="F")
    rows, columns = _distinct(first), _distinct(second)
    voxels = np.zeros(len(rows) * len(columns), dtype=np.int64)
    for some, other in zip(_chunks(first), _chunks(second), strict=True):
        codes = np.searchsorted(rows, some) * len(columns) + np.searchsorted(columns, other)
        voxels += np.bincount(codes, minlength=len(voxels))
    return PairCounts(rows, columns, voxels.reshape(len(rows), len(columns)))


def overlap(counts: PairCounts, value: int, voxel_ml: float) -> Overlap:
    """Score the class that has ``value`` by the ``medse`` convention.

    Both masks empty: every score is NaN (and the case is counted in the ledger). One mask empty: Dice and
    IoU are 0. Precision is NaN where nothing was predicted and recall is NaN where the reference is empty,
    because the denominator is 0; a missed class therefore has recall 0 and no precision, a hallucinated
    one precision 0 and no recall.

    Args:
        counts: From :func:`count_pairs`.
        value: The class's value in the files; a value that occurs in neither is an empty mask.
        voxel_ml: Volume of one voxel in ml.

    Reference:
        Maier-Hein et al., Metrics reloaded (Nature Methods 2024), supplementary notes on Dice, IoU,
        precision (positive predictive value) and recall (sensitivity). Deviation: where both masks are empty
        their implementation returns Dice 1.
    """
    row, column = counts.reference_values == value, counts.prediction_values == value
    reference, prediction = int(counts.voxels[row].sum()), int(counts.voxels[:, column].sum())
    both = int(counts.voxels[row][:, column].sum())
    return Overlap(
        dice=_ratio(2 * both, reference + prediction),
        iou=_ratio(both, reference + prediction - both),
        precision=_ratio(both, prediction),
        recall=_ratio(both, reference),
        volume_reference_ml=reference * voxel_ml,
        volume_prediction_ml=prediction * voxel_ml,
    )


def _ratio(numerator: int, denominator: int) -> float:
    return numerator / denominator if denominator else math.nan


def _distinct(flat: LabelArray) -> LabelArray:
    return np.unique(np.concatenate([np.unique(chunk) for chunk in _chunks(flat)]))


def _chunks(flat: LabelArray) -> Iterator[LabelArray]:
    return (flat[start : start + CHUNK] for start in range(0, flat.size, CHUNK))
