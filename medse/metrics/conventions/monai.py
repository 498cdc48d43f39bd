"""MONAI's metrics, which work in single precision."""

import math
from dataclasses import replace

import numpy as np

from medse.arrays import FloatArray
from medse.metrics.conventions.surface_scores import PERCENT, largest_mm, mean_mm, share_within
from medse.metrics.mask_pair import MaskPair, Measures


def measure(pair: MaskPair) -> Measures:
    """Score as MONAI does by default: an empty reference leaves the case out.

    With one mask empty HD and ASSD are infinite, HD95 is undefined (infinity minus infinity) and NSD 0; with both
    empty all are undefined. Distances, tolerance and percentile are rounded to single precision as there.

    Reference:
        MONAI 1.6.1: ``DiceMetric`` and ``MeanIoU`` (``ignore_empty=True``), ``HausdorffDistanceMetric`` (percentile
        None and 95), ``SurfaceDistanceMetric(symmetric=True)``, ``SurfaceDiceMetric``, each with the spacing.
    """
    overlap = dict.fromkeys(("dice", "iou"), math.nan)
    if pair.counts.reference:
        overlap = {"dice": pair.counts.dice, "iou": pair.counts.iou}
    if not pair.distances:
        return Measures(**overlap)
    if pair.both:
        surfaces = pair.voxels()
        reference_mm, prediction_mm = _single(surfaces.reference_mm), _single(surfaces.prediction_mm)
        surfaces = replace(surfaces, reference_mm=reference_mm, prediction_mm=prediction_mm)
        return Measures(
            **overlap,
            hd_mm=largest_mm(surfaces),
            hd95_mm=max(_percentile(reference_mm), _percentile(prediction_mm)),
            assd_mm=mean_mm(surfaces),
            nsd=share_within(
                surfaces, None if pair.tolerance_mm is None else float(np.float32(pair.tolerance_mm))
            ),
        )
    far, share = (math.nan, math.nan) if pair.neither else (math.inf, 0.0)
    return Measures(
        **overlap, hd_mm=far, hd95_mm=math.nan, assd_mm=far, nsd=None if pair.tolerance_mm is None else share
    )


def _single(values: FloatArray) -> FloatArray:
    return values.astype(np.float32).astype(np.float64)


def _percentile(distances_mm: FloatArray) -> float:
    """Interpolate as ``torch.quantile``, whose rank is in single precision: on large surfaces it is rounded."""
    last = len(distances_mm) - 1
    rank = float(np.float32(PERCENT / 100) * np.float32(last))
    below, above = math.floor(rank), math.ceil(rank)
    ordered = np.partition(distances_mm, (below, above))
    return float(ordered[below] + (rank - below) * (ordered[above] - ordered[below]))
