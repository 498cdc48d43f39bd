"""Resampling by products with matrices, against SciPy's interpolation of whole volumes."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from medse.preprocess import resampling
from medse.preprocess.resampling import most_likely, resample_classes, resample_cubic, resample_labels
from medse.volumes.reading import read_image, read_label_map

Lengths = tuple[int, int, int]
SHAPES: list[tuple[Lengths, Lengths]] = [
    ((20, 24, 16), (25, 30, 20)),
    ((20, 24, 16), (15, 18, 12)),
    ((21, 9, 13), (10, 19, 13)),
    ((40, 5, 7), (3, 40, 7)),
    ((1, 17, 2), (5, 20, 3)),
    ((5, 20, 3), (1, 1, 1)),
]
CT = Path(__file__).parents[3] / "shared" / "data" / "whole_body_ct"


def interpolated(array: np.ndarray, shape: Lengths, order: int) -> np.ndarray:
    """The voxels that SciPy finds at the centres of the new ones, in 64 bits."""
    factors = [new / old for new, old in zip(shape, array.shape, strict=True)]
    return ndimage.zoom(array.astype(np.float64), factors, order=order, mode="nearest", grid_mode=True)


def smoothed(array: np.ndarray, shape: Lengths) -> np.ndarray:
    widths = [max(0, (old / new - 1) / 2) for old, new in zip(array.shape, shape, strict=True)]
    return ndimage.gaussian_filter(array.astype(np.float64), widths, mode="nearest")


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_images_are_those_of_cubic_splines(
    old: Lengths, new: Lengths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resampling, "SLAB", 100)
    image = np.random.default_rng(0).normal(size=old).astype(np.float32)
    found = resample_cubic(image, new)
    assert (found.shape, found.dtype, found.flags.c_contiguous) == (new, np.float32, True)
    np.testing.assert_allclose(found, interpolated(smoothed(image, new), new, 3), atol=2e-6)


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_the_largest_score_is_that_of_linear_interpolation(old: Lengths, new: Lengths) -> None:
    scores = np.random.default_rng(0).normal(size=(5, *old)).astype(np.float32)
    scores[:, 5:] += np.arange(5, dtype=np.float32)[:, None, None, None] * 10  # one class is far above there
    expected = np.stack([interpolated(score, new, 1) for score in scores])
    found = resample_classes(scores, new)
    np.testing.assert_array_equal(found, expected.argmax(axis=0))
    assert found.dtype == np.int16


def test_a_class_that_is_nowhere_the_largest_wins_between_those_that_are() -> None:
    scores = np.array([[10, 0], [0, 10], [9, 9]], np.float32).reshape(3, 2, 1, 1)
    assert resample_classes(scores, (6, 1, 1)).ravel().tolist() == [0, 0, 2, 2, 1, 1]


@pytest.mark.parametrize(("old", "new"), SHAPES)
def test_labels_are_those_of_interpolated_masks(old: Lengths, new: Lengths) -> None:
    coarse = np.random.default_rng(0).integers(0, 7, [max(1, n // 4) for n in old])
    label = coarse[np.ix_(*(np.arange(n) * m // n for n, m in zip(old, coarse.shape, strict=True)))]
    label = label.astype(np.uint8)
    masks = np.stack([interpolated(label == k, new, 1) for k in range(7)])
    found = resample_labels(label, new)
    assert found.dtype == np.uint8
    assert found.shape == new
    clear = np.ptp(np.sort(masks, axis=0)[-2:], axis=0) > 1e-9  # between equal ones rounding decides
    np.testing.assert_array_equal(found[clear], masks.argmax(axis=0)[clear])
    gained = np.take_along_axis(masks, found[None].astype(int), axis=0)[0]
    np.testing.assert_allclose(gained, masks.max(axis=0), atol=1e-12)


def test_resampling_an_image_takes_little_memory_beside_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "SLAB", 1 << 16)
    image = np.random.default_rng(0).normal(size=(150, 160, 140)).astype(np.float32)
    tracemalloc.start()
    resample_cubic(image, (75, 80, 140))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < image.nbytes


@pytest.mark.skipif(not CT.is_dir(), reason="needs the real scans")
@pytest.mark.parametrize("factor", [0.72, 1.28])
def test_a_real_scan_and_its_label_map(factor: float) -> None:
    image = read_image(CT / "imagesTr" / "ct.nii.gz")[0][0, 30:62, 30:62, 30:62]
    label = read_label_map(CT / "labelsTr" / "ct.nii.gz")[0][30:62, 30:62, 30:62]
    side = round(32 * factor)
    new = (side, side, side)
    image = (image - image.mean()) / image.std()
    np.testing.assert_allclose(
        resample_cubic(image, new), interpolated(smoothed(image, new), new, 3), atol=2e-6
    )
    present = np.unique(label)
    masks = [interpolated(label == value, new, 1) for value in present]
    np.testing.assert_array_equal(resample_labels(label, new), present[most_likely(masks)])
    scores = np.stack([label == value for value in present]) * np.float32(6)
    scores += np.random.default_rng(0).normal(size=scores.shape).astype(np.float32)
    expected = most_likely([interpolated(score, new, 1) for score in scores])
    np.testing.assert_array_equal(resample_classes(scores, new), expected)
