"""Scores of two surfaces that do not depend on a percentile rule."""

import numpy as np

from medse.metrics.surfaces import SurfaceDistances


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

    Args:
        distances: Between the surfaces.
        tolerance_mm: A distance equal to it is within; None gives None.
    """
    if tolerance_mm is None:
        return None
    near = np.sum(distances.reference_weights[distances.reference_mm <= tolerance_mm])
    near += np.sum(distances.prediction_weights[distances.prediction_mm <= tolerance_mm])
    return float(near / (distances.reference_weights.sum() + distances.prediction_weights.sum()))
