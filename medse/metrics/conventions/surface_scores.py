"""Scores of two surfaces, with each rule for the 95th percentile."""

import numpy as np

from medse.arrays import FloatArray
from medse.metrics.surfaces import SurfaceDistances

PERCENT = 95


def largest_mm(distances: SurfaceDistances) -> float:
    """Return the Hausdorff distance: the largest of both directions."""
    return float(max(distances.reference_mm.max(), distances.prediction_mm.max()))


def mean_mm(distances: SurfaceDistances) -> float:
    """Return the weighted mean over the elements of both surfaces together."""
    total = distances.reference_mm @ distances.reference_weights
    total += distances.prediction_mm @ distances.prediction_weights
    return float(total / (distances.reference_weights.sum() + distances.prediction_weights.sum()))


def share_within(distances: SurfaceDistances, tolerance_mm: float | None) -> float | None:
    """Return the normalised surface distance: the weighted share of both surfaces within the tolerance.

    A distance equal to the tolerance is within it; None without one.
    """
    if tolerance_mm is None:
        return None
    near = np.sum(distances.reference_weights[distances.reference_mm <= tolerance_mm])
    near += np.sum(distances.prediction_weights[distances.prediction_mm <= tolerance_mm])
    return float(near / (distances.reference_weights.sum() + distances.prediction_weights.sum()))


def hd95_by_area_mm(distances: SurfaceDistances) -> float:
    """Return the larger of the two directed percentiles, each element weighted by its area."""
    return max(
        _by_area(distances.reference_mm, distances.reference_weights),
        _by_area(distances.prediction_mm, distances.prediction_weights),
    )


def hd95_by_count_mm(distances: SurfaceDistances) -> float:
    """Return the larger of the two directed percentiles, each element counted once, interpolated linearly."""
    return float(
        max(np.percentile(each, PERCENT) for each in (distances.reference_mm, distances.prediction_mm))
    )


def hd95_pooled_mm(distances: SurfaceDistances) -> float:
    """Return the percentile of both directions together, each element counted once, interpolated linearly."""
    return float(np.percentile(np.concatenate((distances.reference_mm, distances.prediction_mm)), PERCENT))


def _by_area(distances_mm: FloatArray, weights: FloatArray) -> float:
    """Return the first distance at which the area of the nearer elements and its own reaches 95 %.

    Distance first and then area is the order of DeepMind's surface-distance: with the same order the sums are
    rounded alike.
    """
    order = np.lexsort((weights, distances_mm))
    share = np.cumsum(weights[order]) / np.sum(weights[order])
    return float(distances_mm[order[np.searchsorted(share, PERCENT / 100)]])
