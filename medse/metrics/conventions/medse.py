"""The default: no empty mask drops out of a mean or scores as perfect, and area counts."""

import math

from medse.metrics.conventions.surface_scores import hd95_by_area_mm, largest_mm, mean_mm, share_within
from medse.metrics.mask_pair import MaskPair, Measures

SLACK = 1e-6
"""Share of a tolerance by which a distance may exceed it: files store spacings in single precision."""


def measure(pair: MaskPair) -> Measures:
    """Score by the ``medse`` convention.

    A single slice is measured in its plane. Both masks empty: every score is undefined. One mask empty: Dice, IoU and
    NSD are 0 and every distance is the diagonal of the image in mm. A distance equal to the tolerance is within it,
    also where spacing and tolerance are rounded: three voxels of 0.3 mm are within 0.9 mm. For that the tolerance
    is taken a millionth larger.

    Reference:
        Nikolov et al., Deep learning to achieve clinically applicable segmentation of head and neck anatomy for
        radiotherapy (J Med Internet Res 2021): surface elements, their areas, and NSD.
    """
    overlap = {"dice": pair.counts.dice, "iou": pair.counts.iou}
    if not pair.distances:
        return Measures(**overlap)
    if pair.both:
        surfaces = pair.elements(planar=True)
        tolerance_mm = None if pair.tolerance_mm is None else pair.tolerance_mm * (1 + SLACK)
        return Measures(
            **overlap,
            hd_mm=largest_mm(surfaces),
            hd95_mm=hd95_by_area_mm(surfaces),
            assd_mm=mean_mm(surfaces),
            nsd=share_within(surfaces, tolerance_mm),
        )
    far, share = (math.nan, math.nan) if pair.neither else (pair.diagonal_mm(planar=True), 0.0)
    return Measures(
        **overlap, hd_mm=far, hd95_mm=far, assd_mm=far, nsd=None if pair.tolerance_mm is None else share
    )
