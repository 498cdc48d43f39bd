"""Every convention by name."""

from collections.abc import Callable
from dataclasses import dataclass

from medse.metrics.conventions import brats2023, tools
from medse.metrics.mask_pair import MaskPair, Measures


@dataclass(frozen=True)
class Convention:
    """The rules of one scoring tool.

    Attributes:
        source: Package and version, or paper, that the rules are taken from.
        summary: One sentence for the report: surface, weights, percentile, empty masks.
    """

    measure: Callable[[MaskPair], Measures]
    source: str
    summary: str


CONVENTIONS: dict[str, Convention] = {
    "medse": Convention(
        tools.medse,
        "medse; elements and NSD of Nikolov et al. 2021",
        "Surface elements between voxel centres weighted by area, a single slice in its plane; HD95 is the larger of "
        "the two directed 95th percentiles by area; both masks empty is undefined, one empty scores Dice, IoU and "
        "NSD 0 and the diagonal of the image as distance.",
    ),
    "nnunet": Convention(
        tools.nnunet,
        "nnunetv2 2.8.1",
        "Overlap only; both masks empty is undefined, one empty scores 0.",
    ),
    "monai": Convention(
        tools.monai,
        "monai 1.6.1",
        "Boundary voxels counted once each; HD95 is the larger of the two directed 95th percentiles, in single "
        "precision; an empty reference makes overlap undefined, one empty mask makes HD95 undefined, HD and ASSD "
        "infinite and NSD 0, both empty makes all undefined.",
    ),
    "deepmind": Convention(
        tools.deepmind,
        "surface-distance 0.1",
        "Surface elements between voxel centres weighted by area; HD95 is the larger of the two directed 95th "
        "percentiles by area; an empty mask is infinitely far, with one empty Dice and NSD are 0, with both "
        "undefined; no IoU and no symmetric mean distance.",
    ),
    "medpy": Convention(
        tools.medpy,
        "MedPy 0.5.2",
        "Boundary voxels counted once each; HD95 is the 95th percentile of both directions together; both masks "
        "empty scores Dice and IoU 1, one empty 0, distances of an empty mask are refused; no NSD.",
    ),
    "metrics_reloaded": Convention(
        tools.metrics_reloaded,
        "MetricsReloaded, Maier-Hein et al. 2024",
        "Boundary voxels counted once each; HD95 is the larger of the two directed 95th percentiles; both masks "
        "empty scores Dice 1, NSD 1 and distance 0, one empty Dice 0, NSD 0 and undefined distances; IoU of two "
        "empty masks is undefined.",
    ),
    "brats2023": Convention(
        brats2023.measure,
        "BraTS 2023 organisers' evaluation",
        "Lesion by lesion: Dice and HD95 are means over the lesions of the reference, told apart after dilation, and "
        "the false positives; a false-negative or false-positive lesion scores Dice 0 and HD95 374 mm; HD95 of a "
        "lesion is the larger of the two directed 95th percentiles of surface elements by area; no lesion at all "
        "scores Dice 1 and HD95 0.",
    ),
}
"""Name -> rules, the default first."""
