"""The way to the network's grid and back."""

import numpy as np
import pytest

from medse.errors import InputError
from medse.grid import Grid
from medse.preprocess import Preprocessing, nonzero_box


def grid(shape: tuple[int, int, int], spacing: tuple[float, float, float] = (1, 1, 1)) -> Grid:
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


def test_a_constant_image_is_refused() -> None:
    with pytest.raises(InputError, match="scan has a constant channel"):
        Preprocessing((1, 1, 1)).image(np.full((1, 4, 4, 4), 7, np.float32), grid((4, 4, 4)))


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
    image = np.ones((1, 24, 20, 16), np.float32)
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
