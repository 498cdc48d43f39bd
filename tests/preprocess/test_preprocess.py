"""To the training grid and back."""

import itertools
import tracemalloc

import numpy as np
import pytest

from medse.errors import InputError
from medse.preprocess import Normalization, Preprocessing, most_likely, nonzero_box, window
from medse.volumes.grid import Grid
from tests.support.orders import ORDERS

Lengths = tuple[int, int, int]
Spacing = tuple[float, float, float]
NORMALIZATIONS: list[Normalization] = ["zscore", "zscore_nonzero", "hounsfield", None]


def grid(shape: Lengths, spacing: Spacing = (1, 1, 1)) -> Grid:
    return Grid("scan", shape, np.diag([*spacing, 1.0]))


def blob(shape: tuple[int, int, int]) -> np.ndarray:
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return np.exp(-4 * sum(a**2 for a in axes)).astype(np.float32)


def test_zscore_has_zero_mean_and_unit_variance() -> None:
    image = np.random.default_rng(0).normal(50, 9, (2, 8, 9, 10)).astype(np.float32)
    found = Preprocessing((1, 1, 1)).image(image, grid((8, 9, 10))).image
    np.testing.assert_allclose(found.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std(axis=(1, 2, 3)), 1, atol=1e-5)


def test_zscore_nonzero_leaves_the_outside_at_zero() -> None:
    image = np.zeros((1, 8, 8, 8), np.float32)
    image[0, 2:6, 2:6, 2:6] = np.random.default_rng(0).normal(50, 9, (4, 4, 4))
    image[0, 3, 3, 3] = 0
    found = Preprocessing((1, 1, 1), "zscore_nonzero").image(image, grid((8, 8, 8)))
    assert found.image.shape == (1, 4, 4, 4)
    assert found.image[0, 1, 1, 1] == 0
    inside = np.delete(found.image.ravel(), np.ravel_multi_index((1, 1, 1), (4, 4, 4)))
    assert inside.mean() == pytest.approx(0, abs=1e-5)
    assert inside.std() == pytest.approx(1, abs=1e-5)


def test_hounsfield_gives_a_tissue_one_value_and_air_none() -> None:
    values = np.array([-3000, -1024, -1000, -500, -100, 0, 50, 1000, 3071], np.float32)
    expected = [0, 0, 0, 1, 1.8, 2, 2.1, 4, 4]
    for others in (0, -1000, 700):  # what else is in the scan does not matter
        image = np.full((1, 3, 3, 3), others, np.float32)
        image[0, 0] = values.reshape(3, 3)
        image[0, 2, 2, 2] = 7
        found = Preprocessing((1, 1, 1), "hounsfield").image(image, grid((3, 3, 3))).image
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[0, 0].ravel(), expected, rtol=1e-6)


def test_an_image_that_is_constant_after_clipping_is_refused() -> None:
    image = np.random.default_rng(0).uniform(1001, 2000, (1, 4, 4, 4)).astype(np.float32)
    with pytest.raises(InputError, match="every voxel that is not 0 holds 1000;"):
        Preprocessing((1, 1, 1), "hounsfield").image(image, grid((4, 4, 4)))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize(
    ("value", "words"), [(7, "every voxel that is not 0 holds 7;"), (0, "every voxel holds 0;")]
)
def test_a_constant_channel_is_refused(normalization: Normalization, value: int, words: str) -> None:
    way = Preprocessing((1, 1, 1), normalization)
    image = np.random.default_rng(0).normal(50, 9, (2, 4, 4, 4)).astype(np.float32)
    way.image(image, grid((4, 4, 4)))
    image[1] = value
    with pytest.raises(InputError, match=rf"^scan is constant: {words}"):
        way.image(image[1:], grid((4, 4, 4)))
    with pytest.raises(InputError, match="^Channel 2 of scan is constant"):
        way.image(image, grid((4, 4, 4)))


def test_a_mask_has_contrast_only_with_its_background() -> None:
    mask = np.zeros((1, 6, 6, 6), np.float32)
    mask[0, 1:4, 2:4, 3:5] = 5
    assert Preprocessing((1, 1, 1), None).image(mask, grid((6, 6, 6))).image.shape == (1, 3, 2, 2)
    for normalization in NORMALIZATIONS[:2]:
        with pytest.raises(InputError, match="every voxel that is not 0 holds 5;"):
            Preprocessing((1, 1, 1), normalization).image(mask, grid((6, 6, 6)))


@pytest.mark.parametrize("normalization", ["zscore", "zscore_nonzero"])
@pytest.mark.parametrize("scale", [1e-12, 1.0, 3e38])
def test_voxels_of_any_magnitude_stay_finite(normalization: Normalization, scale: float) -> None:
    image = (np.random.default_rng(0).uniform(0.5, 1, (1, 8, 9, 10)) * scale).astype(np.float32)
    image[0, :4, 0] = -image[0, :4, 0]
    image[0, 2, 3, 4] = 0
    found = Preprocessing((0.8, 1.7, 1), normalization).image(image, grid((8, 9, 10))).image
    assert np.isfinite(found).all()
    assert 0.5 < found.std() < 1.5


def test_huge_voxels_that_are_not_normalised_are_refused() -> None:
    image = np.random.default_rng(0).normal(size=(1, 4, 4, 4)).astype(np.float32)
    image[0, 1, 2, 3] = -3e38
    with pytest.raises(InputError, match=r"scan holds a voxel of magnitude 3e\+38; .* set"):
        Preprocessing((1, 1, 1), None).image(image, grid((4, 4, 4)))


def test_the_box_of_non_zero_voxels() -> None:
    image = np.zeros((2, 5, 6, 7), np.float32)
    image[0, 1, 2, 3] = image[1, 3, 4, 5] = -1
    assert nonzero_box(image) == (slice(1, 4), slice(2, 5), slice(3, 6))
    assert nonzero_box(np.zeros((1, 2, 3, 4))) == (slice(0, 2), slice(0, 3), slice(0, 4))


def test_resampling_keeps_the_field_of_view_and_the_shape_of_things() -> None:
    coarse, fine = blob((20, 24, 16)), blob((40, 24, 32))
    way = Preprocessing((1, 2, 1), None)
    prepared = way.image(coarse[None], grid((20, 24, 16), (2, 2, 2)))
    assert prepared.image.shape == (1, 40, 24, 32)
    # linspace puts first and last sample at the ends, voxel centres lie half a voxel inside: compare centres of mass
    for axis in range(3):
        profile = prepared.image[0].sum(axis=tuple(a for a in range(3) if a != axis))
        centre = (profile * np.arange(len(profile))).sum() / profile.sum()
        assert centre == pytest.approx((len(profile) - 1) / 2, abs=1e-3)
    assert np.abs(prepared.image[0] - fine).max() < 0.15


def test_labels_go_there_and_back() -> None:
    label = np.zeros((24, 20, 16), np.uint8)
    label[4:12, 5:15, 4:12] = 1
    label[12:20, 5:15, 4:12] = 2
    image = np.random.default_rng(0).normal(size=(1, 24, 20, 16)).astype(np.float32)
    way = Preprocessing((0.7, 1.0, 1.3), None)
    prepared = way.image(image, grid((24, 20, 16)))
    there = way.label(label, prepared)
    assert there.shape == prepared.image.shape[1:]
    assert set(np.unique(there)) == {0, 1, 2}
    scores = np.stack([there == k for k in range(3)]).astype(np.float32)
    back = way.restore(scores, prepared)
    for k in (1, 2):
        dice = 2 * ((back == k) & (label == k)).sum() / ((back == k).sum() + (label == k).sum())
        assert dice > 0.9


def test_nearly_equal_spacing_is_not_resampled() -> None:
    image = np.random.default_rng(0).normal(size=(1, 300, 40, 30)).astype(np.float32)
    prepared = Preprocessing((1.0, 1.0, 1.0), None).image(image, grid((300, 40, 30), (1.004, 0.995, 1)))
    np.testing.assert_array_equal(prepared.image, image)


def test_resampled_voxels_lie_where_their_centres_are() -> None:
    position_mm = (np.arange(20, dtype=np.float32) + 0.5) * 2
    image = np.broadcast_to(position_mm[:, None, None] + 1000, (20, 8, 8)).copy()
    found = (
        Preprocessing((1, 2, 2), None).image(image[None], grid((20, 8, 8), (2, 2, 2))).image[0, :, 4, 4]
        - 1000
    )
    expected = np.arange(40) + 0.5
    np.testing.assert_allclose(found[6:-6], expected[6:-6], atol=0.02)


def test_a_cropped_volume_is_restored_to_its_place() -> None:
    random = np.random.default_rng(0)
    image = np.zeros((1, 9, 8, 7), np.float32)
    image[0, 2:6, 3:7, 1:5] = random.normal(size=(4, 4, 4))
    way = Preprocessing((1, 1, 1), None)
    prepared = way.image(image, grid((9, 8, 7)))
    assert prepared.image.shape == (1, 4, 4, 4)
    inside = random.integers(0, 3, (4, 4, 4))
    restored = way.restore(np.stack([inside == k for k in range(3)]).astype(np.float32), prepared)
    expected = np.zeros((9, 8, 7), int)
    expected[2:6, 3:7, 1:5] = inside
    np.testing.assert_array_equal(restored, expected)


def test_most_likely_is_argmax_with_the_first_of_equal_ones() -> None:
    scores = np.random.default_rng(0).integers(0, 4, (7, 9, 8, 5)).astype(np.float32)
    np.testing.assert_array_equal(most_likely(scores), scores.argmax(axis=0))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.2, 1.0, 0.9)])
def test_restoring_many_classes_needs_no_copy_of_their_scores(spacing: Spacing) -> None:
    shape = (50, 52, 48)
    way = Preprocessing(spacing, None)
    image = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    prepared = way.image(image, grid(shape))
    scores = np.random.default_rng(0).normal(size=(60, *prepared.image.shape[1:])).astype(np.float32)
    tracemalloc.start()
    way.restore(scores, prepared)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < scores.nbytes / 6


@pytest.mark.parametrize(
    ("slice_axis", "expected", "there"),
    [(0, (1, 8, 16), (20, 15, 20)), (1, (8, 1, 16), (10, 30, 20)), (2, (8, 16, 1), (10, 15, 40))],
)
def test_slices_are_resampled_in_their_plane_only(slice_axis: int, expected: Lengths, there: Lengths) -> None:
    assert window((8, 16), slice_axis) == expected
    assert window((8, 16, 4), slice_axis) == (8, 16, 4)
    image = np.random.default_rng(0).normal(size=(1, 20, 30, 40)).astype(np.float32)
    spacing_mm = [2.0, 2.0, 2.0]
    spacing_mm[slice_axis] = 1e6  # means nothing there, however far off
    x, y, z = spacing_mm
    way = Preprocessing((x, y, z), None, slice_axis)
    found = way.image(image, grid((20, 30, 40))).image[0]
    assert found.shape == there == way.shape(grid((20, 30, 40)), (20, 30, 40))
    planes = zip(np.moveaxis(found, slice_axis, 0), np.moveaxis(image[0], slice_axis, 0), strict=True)
    for after, before in itertools.islice(planes, 3):
        alone = Preprocessing((2, 2, 2), None, 2).image(before[None, ..., None], grid((*before.shape, 1)))
        np.testing.assert_allclose(after, alone.image[0, ..., 0], atol=1e-5)


@pytest.mark.parametrize(
    ("old", "new", "usable"),
    [
        ((1, 1, 1), (1, 1, 1 / 32), True),
        ((1, 1, 1), (1, 1, 1 / 32.1), False),
        ((1, 1, 1), (32, 1, 1), True),
        ((1, 1, 1), (32.1, 1, 1), False),
        ((1, 1, 1), (1 / 8, 1 / 8, 1 / 8), True),
        ((1, 1, 1), (1 / 8, 1 / 8, 1 / 8.2), False),
        ((0.001, 0.001, 0.001), (1, 1, 1), False),
        ((3e38, 1, 1), (1, 1, 1), False),
    ],
)
def test_spacings_that_cannot_be_meant_are_refused(old: Spacing, new: Spacing, usable: bool) -> None:
    shape = (40, 40, 40)
    if usable:
        assert Preprocessing(new).shape(grid(shape, old), shape) == tuple(
            round(40 * a / b) for a, b in zip(old, new, strict=True)
        )
        return
    with pytest.raises(InputError, match="^scan has a spacing of .* mm, but the training grid has"):
        Preprocessing(new).image(np.ones((1, *shape), np.float32), grid(shape, old))


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
def test_the_order_of_axes_in_the_file_changes_no_bit(normalization: Normalization) -> None:
    """The way to the network and back is the same for all 48 orders, rounding errors in headers included."""
    random = np.random.default_rng(0)
    ras = random.normal(5, 2, (2, 7, 9, 11)).astype(np.float32)
    ras[:, :2] = 0
    label = random.integers(0, 3, ras.shape[1:]).astype(np.uint8)
    way = Preprocessing((2.0, 0.8, 1.25), normalization)
    first = way.image(ras, grid((7, 9, 11)))
    scores = random.normal(size=(3, *first.image.shape[1:])).astype(np.float32)
    expected = way.restore(scores, first)
    for axes in ORDERS:
        order, signs = zip(*axes, strict=True)
        affine = np.eye(4)
        affine[:3, :3] = (np.eye(3)[:, order] * signs) * (1 + random.uniform(-1e-7, 1e-7, 3))
        flips = tuple(i - 3 for i in range(3) if signs[i] < 0)
        array, values = (
            np.flip(a.transpose(*range(a.ndim - 3), *(a.ndim - 3 + i for i in order)), flips)
            for a in (ras, label)
        )
        x, y, z = array.shape[1:]
        there = way.image(np.ascontiguousarray(array), Grid("scan", (x, y, z), affine))
        np.testing.assert_array_equal(there.image, first.image)
        assert there.image.flags.c_contiguous
        np.testing.assert_array_equal(way.label(values, there), way.label(label, first))
        back = np.flip(way.restore(scores, there), flips).transpose(np.argsort(order))
        np.testing.assert_array_equal(back, expected)
