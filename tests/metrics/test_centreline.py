"""Centreline Dice against answers worked out by hand."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label

from medse.metrics.centreline import centreline_dice, skeleton


def tube(start: int, stop: int, half: int = 0, axis: int = 2, shape=(11, 11, 40)) -> np.ndarray:
    """Return a straight tube of ``2 half + 1`` voxels across, from ``start`` to ``stop`` along ``axis``."""
    mask = np.zeros(np.roll(shape, axis - 2), bool)
    mask[tuple(slice(start, stop) if k == axis else slice(5 - half, 6 + half) for k in range(3))] = True
    return mask


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_share_of_a_line(axis):
    # Precision 1, sensitivity 12 of 30.
    line, part = tube(2, 32, axis=axis), tube(6, 18, axis=axis)
    assert centreline_dice(line, part) == pytest.approx(2 * 1 * 0.4 / 1.4)
    assert centreline_dice(part, line) == centreline_dice(line, part)


def test_both_shares_count():
    # Lines of 20 and 10 with 6 in common: 0.3 and 0.6.
    assert centreline_dice(tube(0, 20), tube(14, 24)) == pytest.approx(2 * 0.3 * 0.6 / 0.9)


@pytest.mark.parametrize("half", [1, 2, 4])
def test_thickness_is_no_matter_but_a_shift_beyond_it_is(half):
    thick, thin = tube(3, 37, half=half), tube(3, 37)
    assert centreline_dice(thick, thin) == 1.0
    assert centreline_dice(thick, np.roll(thick, half, axis=0)) == 1.0
    assert centreline_dice(thick, np.roll(thick, half + 1, axis=0)) == 0.0


def test_a_gap_costs_its_length():
    whole, broken = tube(0, 40), tube(0, 40)
    broken[..., 10:20] = False
    assert centreline_dice(whole, broken) == pytest.approx(2 * 0.75 / 1.75)


@pytest.mark.parametrize("shape", [(6, 6), (4, 5, 6), (0, 0, 0)])
def test_empty_masks(shape):
    empty = np.zeros(shape, bool)
    assert math.isnan(centreline_dice(empty, empty))
    if empty.size:
        full = np.ones(shape, bool)
        assert centreline_dice(empty, full) == centreline_dice(full, empty) == 0.0


@pytest.mark.parametrize(
    "shape",
    [(2, 2, 2), (2, 2, 12), (2, 12, 2), (12, 2, 2), (4, 4, 12), (2, 1, 12), (6, 6, 6), (1, 1, 1), (1,) * 2],
)
def test_tubes_of_even_thickness_keep_a_centreline(shape):
    mask = np.ones(shape, bool)
    found = np.argwhere(skeleton(mask))
    assert len(found) >= max(shape) - 2 * min(shape)
    assert len(found) <= max(shape)
    # It lies in the middle of the short axes.
    for axis in [k for k in range(mask.ndim) if shape[k] < max(shape)]:
        assert np.abs(found[:, axis] - (shape[axis] - 1) / 2).max() <= 0.5
    assert centreline_dice(mask, mask) == 1.0


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("sigma", [0.6, 1.0, 1.6])
def test_every_component_keeps_a_voxel_and_none_is_added(spatial_dims, sigma):
    rng = np.random.default_rng(int(10 * sigma))
    for _ in range(10):
        noise = gaussian_filter(rng.normal(size=(20,) * spatial_dims), sigma)
        mask = noise > np.quantile(noise, 0.9)
        thin = skeleton(mask)
        found, count = label(mask, np.ones((3,) * spatial_dims))
        assert not (thin & ~mask).any()
        assert set(found[thin]) == set(range(1, count + 1))
        assert thin.sum() < mask.sum()


def test_a_plane_is_its_single_slice_and_a_crop_is_the_image():
    rng = np.random.default_rng(0)
    one, other = (gaussian_filter(rng.normal(size=(30, 31)), 2) > 0.05 for _ in range(2))
    flat = centreline_dice(one, other)
    assert 0 < flat < 1
    for axis in range(3):
        assert centreline_dice(np.expand_dims(one, axis), np.expand_dims(other, axis)) == flat
    around = [np.pad(mask[..., None], ((3, 1), (0, 2), (4, 4))) for mask in (one, other)]
    assert centreline_dice(*around) == flat
