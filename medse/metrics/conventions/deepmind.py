"""DeepMind's surface-distance."""

import math

from medse.metrics.conventions.surface_scores import hd95_by_area_mm, largest_mm, share_within
from medse.metrics.mask_pair import MaskPair, Measures


def measure(pair: MaskPair) -> Measures:
    """Score as surface-distance does: an empty mask is infinitely far.

    Both masks empty: Dice and NSD are undefined. It has no IoU, and its mean distances are directed, not symmetric.

    Reference:
        surface-distance 0.1: ``compute_dice_coefficient``, ``compute_robust_hausdorff`` at 100 and 95,
        ``compute_surface_dice_at_tolerance``.
    """
    overlap = pair.counts.dice
    if not pair.distances:
        return Measures(dice=overlap)
    if pair.both:
        surfaces = pair.elements(planar=False)
        return Measures(
            dice=overlap,
            hd_mm=largest_mm(surfaces),
            hd95_mm=hd95_by_area_mm(surfaces),
            nsd=share_within(surfaces, pair.tolerance_mm),
        )
    share = math.nan if pair.neither else 0.0
    return Measures(
        dice=overlap, hd_mm=math.inf, hd95_mm=math.inf, nsd=None if pair.tolerance_mm is None else share
    )
