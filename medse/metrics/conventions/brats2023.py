"""BraTS 2023: every lesion is scored by itself, and a false positive or negative counts like any other."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation, find_objects, generate_binary_structure, label

from medse.metrics.conventions.surface_scores import hd95_by_area_mm
from medse.metrics.lesions import overlaps
from medse.metrics.mask_pair import MaskPair, Measures

DILATIONS = 3
"""Steps by which lesions of the reference grow before they are told apart."""
LEAST_MM3 = 50.0
"""Lesions of the reference that are not larger are left out."""
PENALTY_MM = 374.0
"""HD95 of a false-negative or false-positive lesion: about the diagonal of a BraTS volume."""


@dataclass(frozen=True)
class GroupedLesion:
    """One lesion of the reference and what was predicted there.

    Attributes:
        voxels: Of the lesion, all its pieces together.
        volume_mm3: The same in mm3 (2-D: area in mm2).
        predicted: How many connected components of the prediction belong to it.
        dice: Of the lesion and these components; 0 without one.
        hd95_mm: The same; None where distances were not asked for.
    """

    voxels: int
    volume_mm3: float
    predicted: int
    dice: float
    hd95_mm: float | None

    @property
    def counted(self) -> bool:
        return self.volume_mm3 > LEAST_MM3


@dataclass(frozen=True)
class Lesionwise:
    """The lesions of one class of one case.

    Attributes:
        lesions: Of the reference, in the order of their first voxels; those too small to count included.
        false_positives: Connected components of the prediction, of any size, that belong to no lesion.
    """

    lesions: tuple[GroupedLesion, ...]
    false_positives: int
    distances: bool

    @property
    def counted(self) -> tuple[GroupedLesion, ...]:
        return tuple(lesion for lesion in self.lesions if lesion.counted)

    @property
    def dice(self) -> float:
        """Mean over counted lesions and false positives; 1 where there are none."""
        entries = [lesion.dice for lesion in self.counted] + [0.0] * self.false_positives
        return math.fsum(entries) / len(entries) if entries else 1.0

    @property
    def hd95_mm(self) -> float | None:
        """The same; 0 where there are none, None where distances were not asked for."""
        if not self.distances:
            return None
        entries = [lesion.hd95_mm for lesion in self.counted if lesion.hd95_mm is not None]
        entries += [PENALTY_MM] * self.false_positives
        return math.fsum(entries) / len(entries) if entries else 0.0


def lesionwise(pair: MaskPair) -> Lesionwise:
    """Score the lesions of one class of one case one by one.

    The rules, those of the challenge's glioma, Sub-Saharan Africa and paediatric tasks:

    1. The reference grows by 3 steps, each to every voxel that shares a face or an edge. Its voxels whose grown
       forms touch by a corner are one lesion, which keeps its own extent.
    2. A connected component (corners) of the prediction belongs to every lesion whose grown form it meets.
    3. A lesion is compared with all its components together, also with what of them lies in other lesions: Dice, and
       DeepMind's HD95, area-weighted. Without a component Dice is 0 and HD95 is 374 mm.
    4. Lesions of 50 mm3 or less are left out. Components that belong to one are left out with it; those that belong
       to none are false positives, whatever their size, with Dice 0 and HD95 374 mm.
    5. The score is the mean over lesions and false positives. Where nothing is left it is Dice 1 and HD95 0,
       even if only lesions too small to count were not found.

    Deviations: there is one set of parameters (the challenge grew meningiomas and metastases by 1 step and left out
    metastases of 2 mm3 or less), and 2-D masks are scored by the same rules, with areas.

    Reference:
        The organisers' evaluation, github.com/rachitsaluja/BraTS-2023-Metrics, and their announcement (Synapse
        syn51156910, thread 10357). The announcement speaks of voxels where the code compares mm3; BraTS volumes
        have voxels of 1 mm3.
    """
    if pair.neither:
        return Lesionwise((), 0, pair.distances)
    reference, prediction = pair.masks()
    # Clipping to a box that holds both masks parts no grown forms: a path outside has a shadow on its wall.
    step = generate_binary_structure(reference.ndim, 2)
    corners = generate_binary_structure(reference.ndim, reference.ndim)
    grown, count = label(binary_dilation(reference, step, iterations=DILATIONS), corners)
    components, found = label(prediction, corners)
    owner, component, _ = overlaps(grown, components)
    lesions = np.where(reference, grown, 0)
    boxes, component_boxes = find_objects(lesions), find_objects(components)
    voxel_mm3 = math.prod(pair.spacing_mm)
    scored = []
    for number in range(1, count + 1):
        own = component[owner == number]
        box = _around([boxes[number - 1], *(component_boxes[k - 1] for k in own)])
        lesion = lesions[box] == number
        voxels = int(lesion.sum())
        dice = 0.0
        hd95_mm = PENALTY_MM if pair.distances else None
        if len(own):
            both = MaskPair.of(lesion, np.isin(components[box], own), pair.spacing_mm)
            dice = both.counts.dice
            hd95_mm = hd95_by_area_mm(both.elements(planar=False)) if pair.distances else None
        scored.append(GroupedLesion(voxels, voxels * voxel_mm3, len(own), dice, hd95_mm))
    return Lesionwise(tuple(scored), found - len(np.unique(component)), pair.distances)


def measure(pair: MaskPair) -> Measures:
    """Return the means of :func:`lesionwise`; the convention has no other score."""
    scores = lesionwise(pair)
    return Measures(dice=scores.dice, hd95_mm=scores.hd95_mm)


def _around(boxes: list[tuple[slice, ...]]) -> tuple[slice, ...]:
    """Return the smallest box that holds all ``boxes``."""
    return tuple(
        slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in zip(*boxes, strict=True)
    )
