"""What must hold for any two masks, whatever they look like."""

import math
from dataclasses import astuple, fields
from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from medse.metrics.centreline import centreline_dice
from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.lesions import match_lesions
from medse.metrics.mask_pair import LabelPair, MaskPair, Measures

SCORES = tuple(field.name for field in fields(Measures))
DISTANCES = ("hd_mm", "hd95_mm", "assd_mm")
LENGTHS = st.sampled_from([0.5, 0.75, 1.0, 2.5, 5.0])
Case = tuple[np.ndarray, np.ndarray, tuple[float, ...]]
often = settings(max_examples=60, deadline=None, derandomize=True)
for_each = settings(often, max_examples=25)


@st.composite
def cases(draw: st.DrawFn, empty: bool = True, max_dims: int = 3, min_side: int = 1) -> Case:
    """Draw a reference, a prediction and the spacing of their grid; a volume has at most one axis of length 1."""
    shape = draw(array_shapes(min_dims=2, max_dims=max_dims, min_side=min_side, max_side=5))
    assume(len(shape) == 2 or shape.count(1) <= 1)
    reference, prediction = (draw(arrays(bool, shape)) for _ in range(2))
    if draw(st.booleans()):
        prediction = reference ^ (
            prediction & draw(arrays(bool, shape))
        )  # a prediction much like the reference
    assume(empty or (reference.any() and prediction.any()))
    return reference, prediction, tuple(draw(LENGTHS) for _ in shape)


def scores(case: Case, convention: str = "medse", tolerance_mm: float | None = 1.0) -> Measures:
    return CONVENTIONS[convention].measure(MaskPair.of(*case, tolerance_mm=tolerance_mm))


def assert_same(first: Measures, second: Measures, of: tuple[str, ...] = SCORES) -> None:
    for name in of:
        one, other = getattr(first, name), getattr(second, name)
        assert (one is None) == (other is None), name
        if one is not None:
            assert one == pytest.approx(other, rel=1e-9, abs=1e-12, nan_ok=True), name


@often
@given(cases())
def test_reference_and_prediction_may_change_places(case: Case) -> None:
    reference, prediction, spacing = case
    assert_same(scores(case), scores((prediction, reference, spacing)))


@pytest.mark.parametrize("convention", ["nnunet", "deepmind", "medpy", "metrics_reloaded", "monai"])
@for_each
@given(cases(empty=False))
def test_symmetry_of_the_other_conventions(convention: str, case: Case) -> None:
    reference, prediction, spacing = case
    symmetric = tuple(name for name in SCORES if (convention, name) != ("monai", "assd_mm"))
    assert_same(scores(case, convention), scores((prediction, reference, spacing), convention), symmetric)


@pytest.mark.parametrize("convention", list(CONVENTIONS))
@for_each
@given(cases(), st.data())
def test_a_mirror_image_scores_the_same(convention: str, case: Case, data: st.DataObject) -> None:
    reference, prediction, spacing = case
    axes = data.draw(st.sets(st.integers(0, reference.ndim - 1)))
    flipped = (np.flip(reference, tuple(axes)), np.flip(prediction, tuple(axes)), spacing)
    if convention == "medpy":
        assume(reference.any() and prediction.any())
    assert_same(scores(case, convention), scores(flipped, convention))


@often
@given(cases(), st.data())
def test_the_order_of_the_axes_is_no_matter(case: Case, data: st.DataObject) -> None:
    reference, prediction, spacing = case
    order = data.draw(st.sampled_from(list(permutations(range(reference.ndim)))))
    turned = (reference.transpose(order), prediction.transpose(order), tuple(spacing[k] for k in order))
    assert_same(scores(case), scores(turned))
    in_memory = (np.asfortranarray(reference), np.asfortranarray(prediction), spacing)
    assert_same(scores(case), scores(in_memory))


@for_each
@given(cases(empty=False), st.data())
def test_background_around_both_masks_is_no_matter(case: Case, data: st.DataObject) -> None:
    reference, prediction, spacing = case
    margin = st.tuples(st.integers(0, 3), st.integers(0, 3))
    width = [data.draw(margin) if n > 1 else (0, 0) for n in reference.shape]  # a slice stays a slice
    wider = (np.pad(reference, width), np.pad(prediction, width), spacing)
    for convention in CONVENTIONS:
        assert_same(scores(case, convention), scores(wider, convention))
    assert centreline_dice(*wider[:2]) == centreline_dice(reference, prediction)
    lesions, again = (match_lesions(*masks, connectivity="edges", iou=0.1) for masks in (case[:2], wider[:2]))
    assert lesions == again


@often
@given(st.data())
def test_values_are_names(data: st.DataObject) -> None:
    shape = data.draw(array_shapes(min_dims=2, max_dims=3, max_side=5))
    maps = [data.draw(arrays(np.uint8, shape, elements=st.integers(0, 3))) for _ in range(2)]
    spacing = tuple(data.draw(LENGTHS) for _ in shape)
    values = data.draw(st.lists(st.integers(1, 70_000), min_size=3, max_size=3, unique=True))
    kind = data.draw(st.sampled_from([np.int32, np.int64, np.uint32]))
    names = np.array([0, *values], kind)
    plain, renamed = LabelPair(*maps, spacing), LabelPair(*(names[labels] for labels in maps), spacing)
    measure = CONVENTIONS["medse"].measure
    for members in ({1}, {2}, {3}, {1, 3}, {1, 2, 3}):
        known = measure(plain.mask(members, tolerance_mm=1.0))
        assert_same(known, measure(renamed.mask({int(names[k]) for k in members}, tolerance_mm=1.0)))
        assert_same(known, scores((*(np.isin(labels, list(members)) for labels in maps), spacing)))


@often
@given(cases())
def test_dice_is_one_for_equal_masks_and_no_others(case: Case) -> None:
    reference, prediction, spacing = case
    found = scores(case)
    assert (found.dice == 1) == (reference.any() and np.array_equal(reference, prediction))
    assert (found.iou == 1) == (found.dice == 1)
    if reference.any():
        same = scores((reference, reference.copy(), spacing), tolerance_mm=0.0)
        assert astuple(same) == (1.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    if reference.any() or prediction.any():
        assert 0 <= found.iou <= found.dice <= 1
        assert found.iou == pytest.approx(found.dice / (2 - found.dice))
    else:
        assert all(map(math.isnan, astuple(found)))


@often
@given(cases(empty=False))
def test_no_distance_exceeds_the_largest(case: Case) -> None:
    found = scores(case)
    assert 0 <= found.hd95_mm <= found.hd_mm
    assert 0 <= found.assd_mm <= found.hd_mm * (1 + 1e-12)


@often
@given(cases(), st.lists(st.floats(0, 12), min_size=2, max_size=4))
def test_a_larger_tolerance_forgives_more(case: Case, tolerances: list[float]) -> None:
    assume(case[0].any() or case[1].any())
    found = [scores(case, tolerance_mm=tolerance).nsd for tolerance in sorted(tolerances)]
    assert found == sorted(found)
    assert all(0 <= share <= 1 for share in found)
    if case[0].any() and case[1].any():
        assert scores(case, tolerance_mm=scores(case).hd_mm).nsd == 1


@often
@given(cases(), st.sampled_from([0.5, 2.0, 3.0, 10.0]))
def test_distances_are_lengths(case: Case, factor: float) -> None:
    reference, prediction, spacing = case
    larger = scores((reference, prediction, tuple(factor * mm for mm in spacing)), tolerance_mm=factor)
    found = scores(case)
    assert_same(found, larger, ("dice", "iou", "nsd"))
    for name in DISTANCES:
        scaled = pytest.approx(factor * getattr(found, name), nan_ok=True)
        assert getattr(larger, name) == scaled, name


@often
@given(cases(max_dims=2, min_side=2), st.integers(0, 2), LENGTHS)
def test_a_plane_is_a_volume_of_one_slice(case: Case, axis: int, thickness: float) -> None:
    reference, prediction, spacing = case
    slices = (np.expand_dims(mask, axis) for mask in (reference, prediction))
    assert_same(scores(case), scores((*slices, (*spacing[:axis], thickness, *spacing[axis:]))))


@often
@given(cases())
def test_a_missing_prediction_is_never_better_than_one_made(case: Case) -> None:
    reference, prediction, spacing = case
    assume(reference.any())
    found, missing = scores(case), scores((reference, np.zeros_like(prediction), spacing))
    for name in SCORES:
        worse = -1 if name in DISTANCES else 1
        assert worse * getattr(missing, name) <= worse * getattr(found, name) + 1e-9, name
