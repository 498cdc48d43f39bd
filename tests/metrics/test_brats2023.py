"""Lesion-wise scores of BraTS 2023 against answers worked out by hand and a plain reading of the rules."""

import math

import numpy as np
import pytest
from scipy.ndimage import binary_dilation, gaussian_filter, generate_binary_structure
from skimage.measure import label

from medse.metrics.conventions.brats2023 import Lesionwise, lesionwise, measure
from medse.metrics.mask_pair import MaskPair

SIDE = 5
FAR = 374.0
SHIFTED = 2 * SIDE**2 * (SIDE - 1) / (2 * SIDE**3)


def boxes(*starts: tuple[int, int, int], side: int = SIDE) -> np.ndarray:
    """Return cubes in an image of 60x40x30 voxels."""
    mask = np.zeros((60, 40, 30), bool)
    for start in starts:
        mask[tuple(slice(s, s + side) for s in start)] = True
    return mask


def scored(reference: np.ndarray, prediction: np.ndarray, spacing=(1.0, 1.0, 1.0)) -> Lesionwise:
    return lesionwise(MaskPair.of(reference, prediction, spacing))


A, B, C = (5, 5, 5), (30, 5, 5), (45, 30, 20)
NONE = boxes()


@pytest.mark.parametrize(
    ("reference", "prediction", "dice", "hd95"),
    [
        (NONE, NONE, 1.0, 0.0),
        (NONE, boxes(A), 0.0, FAR),
        (boxes(A), NONE, 0.0, FAR),
        (boxes(A), boxes(A), 1.0, 0.0),
        (boxes(A), boxes(B), 0.0, FAR),  # a false negative and a false positive
        (boxes(A, B), boxes(A), 1 / 2, FAR / 2),
        (boxes(A), boxes(A, B), 1 / 2, FAR / 2),
        (boxes(A, B), boxes(A, C), 1 / 3, 2 * FAR / 3),
        (boxes(A, B, C), boxes(B), 1 / 3, 2 * FAR / 3),
        (boxes(A), boxes((6, 5, 5)), SHIFTED, 1.0),
        (boxes(A, B), boxes((6, 5, 5), B), (1 + SHIFTED) / 2, 0.5),
    ],
)
def test_cubes(reference, prediction, dice, hd95):
    found = measure(MaskPair.of(reference, prediction, (1.0, 1.0, 1.0)))
    assert (found.dice, found.hd95_mm) == pytest.approx((dice, hd95))
    assert (found.iou, found.hd_mm, found.assd_mm, found.nsd) == (None,) * 4


@pytest.mark.parametrize(("gap", "lesions"), [(6, 1), (7, 2)])
def test_lesions_that_meet_when_they_have_grown_are_one(gap, lesions):
    # Each grows by 3 voxels; they touch if no voxel is left between.
    reference = boxes(A, (A[0] + SIDE + gap, *A[1:]))
    prediction = boxes(A)
    found = scored(reference, prediction)
    assert [lesion.predicted for lesion in found.lesions] == [1] + [0] * (lesions - 1)
    assert found.lesions[0].voxels == SIDE**3 * (3 - lesions)
    assert found.dice == pytest.approx(2 / 3 if lesions == 1 else 1 / 2)


@pytest.mark.parametrize(("gap", "belongs"), [(2, True), (3, False)])
def test_a_component_belongs_to_a_lesion_within_three_voxels(gap, belongs):
    found = scored(boxes(A), boxes((A[0] + SIDE + gap, *A[1:])))
    assert (found.lesions[0].predicted, found.false_positives) == (int(belongs), int(not belongs))
    assert found.dice == 0.0
    # Half the surface lies beyond the width of the cube and the gap.
    assert (found.hd95_mm == FAR) is not belongs
    assert belongs is (found.hd95_mm == pytest.approx(SIDE + gap, abs=0.3))


@pytest.mark.parametrize(
    ("steps", "belongs"),
    [
        ((3, 3, 0), True),
        ((2, 2, 2), True),
        ((3, 2, 1), True),
        ((3, 3, 1), False),
        ((3, 3, 3), False),
        ((4, 0, 0), False),
    ],
)
def test_lesions_grow_across_faces_and_edges_but_not_corners(steps, belongs):
    component = np.zeros_like(NONE)
    component[tuple(start + SIDE - 1 + step for start, step in zip(A, steps, strict=True))] = True
    found = scored(boxes(A), component)
    assert (found.lesions[0].predicted, found.false_positives) == (int(belongs), int(not belongs))


def test_a_split_lesion_is_compared_with_all_its_pieces():
    reference, prediction = boxes(A), boxes(A)
    prediction[A[0] + 2] = False
    found = scored(reference, prediction)
    assert [lesion.predicted for lesion in found.lesions] == [2]
    assert found.false_positives == 0
    assert found.dice == pytest.approx(2 * 100 / 225)


def test_one_component_over_two_lesions_counts_whole_for_each():
    reference = boxes(A, B)
    prediction = boxes(A, B)
    prediction[A[0] : B[0], 5, 5] = True
    found = scored(reference, prediction)
    assert [lesion.predicted for lesion in found.lesions] == [1, 1]
    assert found.dice == pytest.approx(2 * SIDE**3 / (SIDE**3 + prediction.sum()))


@pytest.mark.parametrize(
    ("spacing", "counted"), [((1.0, 1.0, 2.0), False), ((1.0, 1.0, 2.01), True), ((0.5, 0.5, 5.0), False)]
)
def test_lesions_of_50_mm3_are_too_small_but_components_never_are(spacing, counted):
    reference = np.zeros((30, 20, 20), bool)
    reference[2:7, 2:7, 2] = True  # 25 voxels
    nothing, far = np.zeros_like(reference), np.zeros_like(reference)
    far[20, 10, 10] = True
    found = scored(reference, nothing, spacing)
    assert found.lesions[0].volume_mm3 == pytest.approx(25 * math.prod(spacing))
    assert (len(found.counted), found.dice, found.hd95_mm) == ((1, 0.0, FAR) if counted else (0, 1.0, 0.0))
    near = scored(reference, reference, spacing)  # left out, and its component with it
    assert (near.dice, near.hd95_mm, near.false_positives) == (1.0, 0.0, 0)
    assert (scored(reference, far, spacing).dice, scored(nothing, far, spacing).dice) == (0.0, 0.0)


def test_without_distances_only_dice_is_given():
    for reference, prediction in [(boxes(A), boxes(A, B)), (NONE, boxes(A)), (NONE, NONE), (boxes(A), NONE)]:
        pair = MaskPair.of(reference, prediction, (1.0, 1.0, 1.0), distances=False)
        assert measure(pair).hd95_mm is None
        assert measure(pair).dice == scored(reference, prediction).dice


def plain(reference, prediction, spacing) -> tuple[float, float]:
    """Follow the rules with loops over whole images; HD95 of each lesion is that of the whole image."""
    step = generate_binary_structure(reference.ndim, 2)
    groups = label(binary_dilation(reference, step, iterations=3), connectivity=reference.ndim)
    components = label(prediction, connectivity=reference.ndim)
    dice, hd95, used = [], [], set()
    for number in range(1, groups.max() + 1):
        lesion = reference & (groups == number)
        own = set(components[binary_dilation(lesion, step, iterations=3)]) - {0}
        used |= own
        mask = np.isin(components, list(own))
        if lesion.sum() * math.prod(spacing) > 50:
            dice.append(2 * (lesion & mask).sum() / (lesion.sum() + mask.sum()))
            hd95.append(percentile_mm(lesion, mask, spacing) if own else FAR)
    wrong = components.max() - len(used)
    n = len(dice) + wrong
    return (sum(dice) / n, (sum(hd95) + wrong * FAR) / n) if n else (1.0, 0.0)


def percentile_mm(reference, prediction, spacing) -> float:
    """Return the larger directed percentile by area."""
    distances = MaskPair.of(reference, prediction, spacing).elements(planar=False)
    found = []
    for mm, areas in (
        (distances.reference_mm, distances.reference_weights),
        (distances.prediction_mm, distances.prediction_weights),
    ):
        order = np.argsort(mm)
        found.append(mm[order][np.cumsum(areas[order]) >= 0.95 * areas.sum() * (1 - 1e-12)][0])
    return max(found)


@pytest.mark.parametrize("memory", ["C", "F"])
@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_a_plain_reading_of_the_rules(seed, memory):
    rng = np.random.default_rng(seed)
    shape = rng.integers(18, 34, 2 if seed % 6 == 5 else 3)
    spacing = tuple(map(float, rng.choice([0.7, 1.0, 2.0, 5.0], len(shape))))
    sigma, part, level = rng.uniform(1, 2), rng.uniform(0.1, 0.8), rng.uniform(1.6, 2.6)
    fields = [gaussian_filter(rng.normal(size=shape), sigma) for _ in range(2)]
    first, second = (field / field.std() for field in fields)
    reference = np.asarray(first > level, order=memory)
    prediction = np.asarray(first + part * second > level, order=memory)
    found = measure(MaskPair.of(reference, prediction, spacing))
    assert (found.dice, found.hd95_mm) == pytest.approx(plain(reference, prediction, spacing))
    assert len(np.unique(label(prediction))) > 1
