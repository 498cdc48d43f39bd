"""The named conventions against answers worked out by hand; ``tests/conformance`` compares them with packages."""

import math
from dataclasses import astuple, fields
from typing import get_args

import numpy as np
import pytest

from medse.metrics.conventions import ConventionName
from medse.metrics.conventions.surface_scores import hd95_by_area_mm, hd95_by_count_mm, hd95_pooled_mm
from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.mask_pair import MaskPair, Measures
from medse.metrics.surfaces import SurfaceDistances

NAN, INF = math.nan, math.inf
SURFACE_SCORES = ("hd_mm", "hd95_mm", "assd_mm", "nsd")


def measure(name, reference, prediction, spacing_mm, tolerance_mm=1.0) -> Measures:
    pair = MaskPair.of(reference, prediction, spacing_mm, tolerance_mm=tolerance_mm)
    return CONVENTIONS[name].measure(pair)


def box(shape, *sides) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[tuple(slice(*side) for side in sides)] = True
    return mask


def test_the_table_has_every_name_and_says_what_each_means():
    assert tuple(CONVENTIONS) == get_args(ConventionName)
    for convention in CONVENTIONS.values():
        assert convention.source
        assert convention.summary.endswith(".")


DIAGONAL = math.hypot(10 * 0.7, 12 * 0.7, 8 * 5.0)
EMPTY = {  # dice, iou, hd, hd95, assd, nsd: both empty; reference empty; prediction empty
    "medse": ((NAN,) * 6, *[(0, 0, DIAGONAL, DIAGONAL, DIAGONAL, 0)] * 2),
    "nnunet": ((NAN, NAN, *[None] * 4), *[(0, 0, *[None] * 4)] * 2),
    "monai": ((NAN,) * 6, (NAN, NAN, INF, NAN, INF, 0), (0, 0, INF, NAN, INF, 0)),
    "deepmind": ((NAN, None, INF, INF, None, NAN), *[(0, None, INF, INF, None, 0)] * 2),
    "medpy": ((1, 1, NAN, NAN, NAN, None), *[(0, 0, NAN, NAN, NAN, None)] * 2),
    "metrics_reloaded": ((1, NAN, 0, 0, 0, 1), *[(0, 0, NAN, NAN, NAN, 0)] * 2),
    "brats2023": ((1, None, None, 0, None, None), *[(0, None, None, 374, None, None)] * 2),
}


@pytest.mark.parametrize("name", EMPTY)
def test_empty_masks(name):
    shape = (10, 12, 8)
    empty, full = np.zeros(shape, bool), box(shape, (2, 7), (3, 9), (2, 5))
    for (reference, prediction), expected in zip(
        ((empty, empty), (empty, full), (full, empty)), EMPTY[name], strict=True
    ):
        found = astuple(measure(name, reference, prediction, (0.7, 0.7, 5.0)))
        assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", CONVENTIONS)
def test_surface_scores_are_left_out_where_they_were_not_asked_for(name):
    reference, prediction = box((9, 9, 9), (1, 6), (1, 6), (1, 6)), box((9, 9, 9), (2, 7), (1, 6), (1, 6))
    empty = np.zeros_like(reference)
    for masks in ((reference, prediction), (reference, empty), (empty, empty)):
        every = measure(name, *masks, (1, 2, 3))
        overlap = CONVENTIONS[name].measure(MaskPair.of(*masks, (1, 2, 3), tolerance_mm=1.0, distances=False))
        assert (overlap.dice, overlap.iou) == pytest.approx((every.dice, every.iou), nan_ok=True)
        assert [getattr(overlap, score) for score in SURFACE_SCORES] == [None] * 4
        without = measure(name, *masks, (1, 2, 3), tolerance_mm=None)
        assert without.nsd is None
        others = [field.name for field in fields(Measures) if field.name != "nsd"]
        assert [getattr(without, o) for o in others] == pytest.approx(
            [getattr(every, o) for o in others], nan_ok=True
        )


@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize(("spacing", "steps"), [((1.0, 1.0, 1.0), 2), ((2.0, 2.0, 2.0), 1)])
def test_two_voxels_2_mm_apart(spacing, steps, axis):
    reference = box((8, 8, 8), (3, 4), (3, 4), (3, 4))
    prediction = np.roll(reference, steps, axis)
    # Voxels: each is 2 mm from the other. Elements lie at the corners, half a voxel from the middle: the four that
    # face the other voxel are 2 mm less one voxel away, the four behind 2 mm.
    for name in ("monai", "medpy", "metrics_reloaded"):
        scores = measure(name, reference, prediction, spacing, tolerance_mm=2.0)
        assert (scores.dice, scores.iou, scores.hd_mm, scores.hd95_mm, scores.assd_mm) == (0, 0, 2, 2, 2)
        assert scores.nsd == (None if name == "medpy" else 1)
        assert measure(name, reference, prediction, spacing, tolerance_mm=1.9).nsd == (
            None if name == "medpy" else 0
        )
    gap = 2 - spacing[0]
    for name in ("medse", "deepmind"):
        scores = measure(name, reference, prediction, spacing, tolerance_mm=gap)
        assert (scores.dice, scores.hd_mm, scores.hd95_mm) == (0, 2, 2)
        assert scores.nsd == pytest.approx(0.5)
        assert measure(name, reference, prediction, spacing, tolerance_mm=2.0).nsd == pytest.approx(1)
    assert measure("medse", reference, prediction, spacing).assd_mm == pytest.approx((gap + 2) / 2)
    pair = MaskPair.of(reference, prediction, spacing)
    corner = math.sqrt(3) / 8 * spacing[0] ** 2  # the triangle that cuts half an edge off each side
    assert pair.elements(planar=False).reference_weights == pytest.approx([corner] * 8)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.7, 0.9, 5.0)])
@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_sheet_shifted_by_three_slices(spacing, spatial_dims):
    shape = (9, 7, 12)[-spatial_dims:]
    mm = spacing[-1]
    whole = [(0, length) for length in shape[:-1]]
    reference, prediction = box(shape, *whole, (3, 4)), box(shape, *whole, (6, 7))
    spacing = spacing[-spatial_dims:]
    for name in ("monai", "medpy", "metrics_reloaded"):
        scores = measure(name, reference, prediction, spacing)
        assert (scores.hd_mm, scores.hd95_mm, scores.assd_mm) == pytest.approx((3 * mm,) * 3, rel=1e-6)
    # As elements a sheet has two sides of equal area: the inner ones are 2 slices apart, the outer ones 3 from these.
    scores = measure("medse", reference, prediction, spacing, tolerance_mm=2.5 * mm)
    assert (scores.dice, scores.hd_mm, scores.hd95_mm) == pytest.approx((0, 3 * mm, 3 * mm))
    assert scores.assd_mm == pytest.approx(2.5 * mm)
    assert scores.nsd == pytest.approx(0.5)
    assert measure("medse", reference, prediction, spacing, tolerance_mm=1.9 * mm).nsd == 0
    assert measure("medse", reference, prediction, spacing, tolerance_mm=3.1 * mm).nsd == pytest.approx(1)


@pytest.mark.parametrize(("spacing", "too_large"), [((0.5, 0.5, 0.5), 0.10), ((0.4, 0.4, 1.0), 0.15)])
def test_sphere_and_dilated_sphere(spacing, too_large):
    small, large = 10.0, 13.0
    half_voxel = math.hypot(*spacing) / 2
    shape = tuple(int(30 / mm) for mm in spacing)
    offsets = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, spacing, strict=True)]
    squared = sum(each**2 for each in np.meshgrid(*offsets, indexing="ij", sparse=True))
    pair = MaskPair.of(squared <= small**2, squared <= large**2, spacing, tolerance_mm=2.0)
    counts, surfaces = pair.counts, pair.elements(planar=True)
    for voxels, areas, radius in (
        (counts.reference, surfaces.reference_weights, small),
        (counts.prediction, surfaces.prediction_weights, large),
    ):
        assert voxels * math.prod(spacing) == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.01)
        # Stairs are longer than a slope, at any size of the voxels: the area is never too small.
        assert 1 <= areas.sum() / (4 * math.pi * radius**2) <= 1 + too_large
    scores = CONVENTIONS["medse"].measure(pair)
    assert scores.dice == pytest.approx(2 * small**3 / (small**3 + large**3), rel=0.01)
    assert scores.iou == pytest.approx(small**3 / large**3, rel=0.01)
    assert scores.assd_mm == pytest.approx(large - small, abs=half_voxel)
    assert scores.hd95_mm == pytest.approx(large - small, abs=half_voxel)
    assert scores.hd95_mm <= scores.hd_mm <= large - small + half_voxel
    assert scores.nsd < 0.01
    for name in ("monai", "medpy", "metrics_reloaded", "deepmind"):
        assert CONVENTIONS[name].measure(pair).hd95_mm == pytest.approx(large - small, abs=half_voxel)


@pytest.mark.parametrize("axis", range(3))
def test_medse_measures_a_single_slice_in_its_plane(axis):
    reference, prediction = box((20, 16), (3, 12), (2, 9)), box((20, 16), (5, 15), (2, 13))
    flat = measure("medse", reference, prediction, (0.7, 1.1))
    spacing = tuple(np.insert((0.7, 1.1), axis, 5.0))
    thick = [np.expand_dims(mask, axis) for mask in (reference, prediction)]
    assert astuple(measure("medse", *thick, spacing)) == pytest.approx(astuple(flat))
    assert measure("deepmind", *thick, spacing).nsd != pytest.approx(flat.nsd)  # a plate with two sides
    missed = measure("medse", thick[0], np.zeros_like(thick[0]), spacing)
    assert missed.hd95_mm == pytest.approx(math.hypot(20 * 0.7, 16 * 1.1))


@pytest.mark.parametrize(
    ("areas", "by_area"),
    [((90.0, 4.0, 6.0), 3.0), ((90.0, 5.0, 5.0), 2.0), ((96.0, 2.0, 2.0), 1.0), ((0.1, 0.1, 9.8), 3.0)],
)
def test_percentiles_by_hand(areas, by_area):
    near = (np.array([1.0, 1.0]), np.array([1.0, 1.0]))
    far = (np.array([3.0, 1.0, 2.0]), np.array([areas[2], areas[0], areas[1]]))
    for distances in (SurfaceDistances(*far, *near), SurfaceDistances(*near, *far)):
        assert hd95_by_area_mm(distances) == by_area
        assert hd95_by_count_mm(distances) == pytest.approx(2.9)  # 95 % of the way along 1, 2, 3
        assert hd95_pooled_mm(distances) == pytest.approx(2.8)  # and along 1, 1, 1, 2, 3
