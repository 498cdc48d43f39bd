"""The reference implementation of Metrics Reloaded."""

import math

from medse.metrics.conventions.surface_scores import hd95_by_count_mm, largest_mm, mean_mm, share_within
from medse.metrics.mask_pair import MaskPair, Measures


def measure(pair: MaskPair) -> Measures:
    """Score as MetricsReloaded does: two empty masks are perfect, distances to one empty mask undefined.

    IoU of two empty masks is undefined. Deviation: with one mask empty NSD is 0; theirs compares with the distance
    transform of nothing, to which voxels at the origin of the image can be near.

    Reference:
        Maier-Hein et al., Metrics reloaded (Nature Methods 2024); ``BinaryPairwiseMeasures`` of its repository
        (``dsc``, ``intersection_over_union``, ``measured_distance``, ``normalised_surface_distance``).
    """
    overlap = {"dice": 1.0 if pair.neither else pair.counts.dice, "iou": pair.counts.iou}
    if not pair.distances:
        return Measures(**overlap)
    if pair.both:
        surfaces = pair.voxels()
        return Measures(
            **overlap,
            hd_mm=largest_mm(surfaces),
            hd95_mm=hd95_by_count_mm(surfaces),
            assd_mm=mean_mm(surfaces),
            nsd=share_within(surfaces, pair.tolerance_mm),
        )
    far, share = (0.0, 1.0) if pair.neither else (math.nan, 0.0)
    return Measures(
        **overlap, hd_mm=far, hd95_mm=far, assd_mm=far, nsd=None if pair.tolerance_mm is None else share
    )
