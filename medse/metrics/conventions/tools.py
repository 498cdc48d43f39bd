"""The rules of the tools that score a class as a whole, beside each other.

Each says what two empty masks score, what one empty mask scores, and how surfaces are measured.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from medse.arrays import FloatArray
from medse.metrics.conventions.surface_scores import (
    PERCENT,
    hd95_by_area_mm,
    hd95_by_count_mm,
    hd95_pooled_mm,
    largest_mm,
    mean_mm,
    share_within,
)
from medse.metrics.mask_pair import MaskPair, Measures
from medse.metrics.surfaces import SurfaceDistances

NAN, INF = math.nan, math.inf
SLACK = 1e-6
"""Share of a tolerance by which a distance may exceed it: files store spacings in single precision."""


def medse(pair: MaskPair) -> Measures:
    """Score by the ``medse`` convention: no empty mask drops out of a mean or scores as perfect, and area counts.

    A single slice is measured in its plane. Both masks empty: every score is undefined. One mask empty: Dice, IoU and
    NSD are 0 and every distance is the diagonal of the image in mm. A distance equal to the tolerance is within it,
    also where spacing and tolerance are rounded: three voxels of 0.3 mm are within 0.9 mm. For that the tolerance
    is taken a millionth larger.

    Reference:
        Nikolov et al., Deep learning to achieve clinically applicable segmentation of head and neck anatomy for
        radiotherapy (J Med Internet Res 2021): surface elements, their areas, and NSD.
    """
    if pair.both:
        tolerance_mm = pair.tolerance_mm and pair.tolerance_mm * (1 + SLACK)
        return _scores(pair, lambda: pair.elements(planar=True), hd95_by_area_mm, tolerance_mm)
    far, share = (NAN, NAN) if pair.neither else (pair.diagonal_mm(planar=True), 0.0)
    return _asked(pair, Measures(share, share, far, far, far, share))


def nnunet(pair: MaskPair) -> Measures:
    """Score as nnU-Net does: both masks empty is undefined, one empty 0; it has no surface distances.

    Reference:
        ``nnunetv2.evaluation.evaluate_predictions.compute_metrics`` of nnunetv2 2.8.1.
    """
    return Measures(dice=pair.counts.dice, iou=pair.counts.iou)


def monai(pair: MaskPair) -> Measures:
    """Score as MONAI does by default: an empty reference leaves the case out.

    With one mask empty HD and ASSD are infinite, HD95 is undefined (infinity minus infinity) and NSD 0; with both
    empty all are undefined. Distances, tolerance and percentile are rounded to single precision as there.

    Reference:
        MONAI 1.6.1: ``DiceMetric`` and ``MeanIoU`` (``ignore_empty=True``), ``HausdorffDistanceMetric`` (percentile
        None and 95), ``SurfaceDistanceMetric(symmetric=True)``, ``SurfaceDiceMetric``, each with the spacing.
    """
    if pair.both:
        tolerance_mm = pair.tolerance_mm and float(np.float32(pair.tolerance_mm))
        return _scores(pair, lambda: _single(pair.voxels()), _hd95_single_mm, tolerance_mm)
    overlap = 0.0 if pair.counts.reference else NAN
    far, share = (NAN, NAN) if pair.neither else (INF, 0.0)
    return _asked(pair, Measures(overlap, overlap, far, NAN, far, share))


def deepmind(pair: MaskPair) -> Measures:
    """Score as surface-distance does: an empty mask is infinitely far.

    Both masks empty: Dice and NSD are undefined. It has no IoU, and its mean distances are directed, not symmetric.

    Reference:
        surface-distance 0.1: ``compute_dice_coefficient``, ``compute_robust_hausdorff`` at 100 and 95,
        ``compute_surface_dice_at_tolerance``.
    """
    if pair.both:
        found = _scores(pair, lambda: pair.elements(planar=False), hd95_by_area_mm, pair.tolerance_mm)
        return replace(found, iou=None, assd_mm=None)
    share = NAN if pair.neither else 0.0
    return _asked(pair, Measures(share, None, INF, INF, None, share))


def medpy(pair: MaskPair) -> Measures:
    """Score as MedPy does: two empty masks are perfect, and distances from or to an empty mask are refused.

    Refused is NaN here; it has no NSD.

    Reference:
        ``medpy.metric.binary`` of MedPy 0.5.2: ``dc``, ``jc``, ``hd``, ``hd95`` and ``assd`` with connectivity 1.
        Older releases average the two directed means in ``assd``.
    """
    if pair.both:
        return replace(_scores(pair, pair.voxels, hd95_pooled_mm, pair.tolerance_mm), nsd=None)
    overlap = 1.0 if pair.neither else 0.0
    return _asked(pair, Measures(overlap, overlap, NAN, NAN, NAN))


def metrics_reloaded(pair: MaskPair) -> Measures:
    """Score as MetricsReloaded does: two empty masks are perfect, distances to one empty mask undefined.

    IoU of two empty masks is undefined. Deviation: with one mask empty NSD is 0; theirs compares with the distance
    transform of nothing, to which voxels at the origin of the image can be near.

    Reference:
        Maier-Hein et al., Metrics reloaded (Nature Methods 2024); ``BinaryPairwiseMeasures`` of its repository
        (``dsc``, ``intersection_over_union``, ``measured_distance``, ``normalised_surface_distance``).
    """
    if pair.both:
        return _scores(pair, pair.voxels, hd95_by_count_mm, pair.tolerance_mm)
    dice, iou, far = (1.0, NAN, 0.0) if pair.neither else (0.0, 0.0, NAN)
    return _asked(pair, Measures(dice, iou, far, far, far, dice))


def _scores(
    pair: MaskPair,
    measure: Callable[[], SurfaceDistances],
    hd95: Callable[[SurfaceDistances], float],
    tolerance_mm: float | None,
) -> Measures:
    """Score two masks that both have voxels; surfaces are measured only where distances were asked for."""
    overlap = Measures(pair.counts.dice, pair.counts.iou)
    if not pair.distances:
        return overlap
    surfaces = measure()
    return replace(
        overlap,
        hd_mm=largest_mm(surfaces),
        hd95_mm=hd95(surfaces),
        assd_mm=mean_mm(surfaces),
        nsd=share_within(surfaces, tolerance_mm),
    )


def _asked(pair: MaskPair, found: Measures) -> Measures:
    """Leave out what was not asked for."""
    if not pair.distances:
        return Measures(found.dice, found.iou)
    return found if pair.tolerance_mm is not None else replace(found, nsd=None)


def _single(surfaces: SurfaceDistances) -> SurfaceDistances:
    first, second = (
        mm.astype(np.float32).astype(np.float64) for mm in (surfaces.reference_mm, surfaces.prediction_mm)
    )
    return replace(surfaces, reference_mm=first, prediction_mm=second)


def _hd95_single_mm(surfaces: SurfaceDistances) -> float:
    return max(_percentile(surfaces.reference_mm), _percentile(surfaces.prediction_mm))


def _percentile(distances_mm: FloatArray) -> float:
    """Interpolate as ``torch.quantile``, whose rank is in single precision: on large surfaces it is rounded."""
    last = len(distances_mm) - 1
    rank = float(np.float32(PERCENT / 100) * np.float32(last))
    below, above = math.floor(rank), math.ceil(rank)
    ordered = np.partition(distances_mm, (below, above))
    return float(ordered[below] + (rank - below) * (ordered[above] - ordered[below]))
