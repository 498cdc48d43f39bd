"""MedPy's binary metrics."""

import math

from medse.metrics.conventions.surface_scores import hd95_pooled_mm, largest_mm, mean_mm
from medse.metrics.mask_pair import MaskPair, Measures


def measure(pair: MaskPair) -> Measures:
    """Score as MedPy does: two empty masks are perfect, and distances from or to an empty mask are refused.

    Refused is NaN here; it has no NSD.

    Reference:
        ``medpy.metric.binary`` of MedPy 0.5.2: ``dc``, ``jc``, ``hd``, ``hd95`` and ``assd`` with connectivity 1.
        Older releases average the two directed means in ``assd``.
    """
    overlap = dict.fromkeys(("dice", "iou"), 1.0)
    if not pair.neither:
        overlap = {"dice": pair.counts.dice, "iou": pair.counts.iou}
    if not pair.distances:
        return Measures(**overlap)
    if not pair.both:
        return Measures(**overlap, hd_mm=math.nan, hd95_mm=math.nan, assd_mm=math.nan)
    surfaces = pair.voxels()
    return Measures(
        **overlap, hd_mm=largest_mm(surfaces), hd95_mm=hd95_pooled_mm(surfaces), assd_mm=mean_mm(surfaces)
    )
