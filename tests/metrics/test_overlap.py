"""Overlap scores against scikit-learn and against answers worked out by hand."""

import math

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score, precision_recall_fscore_support

from medse.metrics import overlap as module
from medse.metrics.overlap import count_pairs, overlap


def cubes() -> tuple[np.ndarray, np.ndarray]:
    """Two cubes of 4x4x4 voxels whose common part is 2x4x4."""
    reference, prediction = np.zeros((2, 10, 9, 8), np.uint8)
    reference[1:5, 2:6, 2:6] = 7
    prediction[3:7, 2:6, 2:6] = 7
    return reference, prediction


def test_two_cubes_by_hand():
    scores = overlap(count_pairs(*cubes()), 7, voxel_ml=0.003)
    assert scores.dice == 2 * 32 / 128
    assert scores.iou == 32 / 96
    assert scores.precision == scores.recall == 0.5
    assert scores.volume_reference_ml == pytest.approx(0.192)
    assert scores.volume_prediction_ml == pytest.approx(0.192)


def test_precision_and_recall_are_not_confused():
    reference, prediction = cubes()
    prediction[:] = 0
    prediction[1:2, 2:6, 2:6] = 7  # a quarter of the reference and nothing else
    scores = overlap(count_pairs(reference, prediction), 7, 0.001)
    assert (scores.precision, scores.recall) == (1.0, 0.25)
    assert (scores.volume_reference_ml, scores.volume_prediction_ml) == pytest.approx((0.064, 0.016))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("chunk", [7, 1 << 20])
@pytest.mark.parametrize("values", [[0, 1, 2], [0, 4, 11, 23, 205], [-1, 0, 70_000]])
def test_agrees_with_scikit_learn(seed, chunk, values, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", chunk)
    rng = np.random.default_rng(seed)
    held = values[seed % 2 :]  # the reference of every other seed lacks the first value
    reference = rng.choice(held, (5, 6, 7)).astype(np.int32)
    prediction = np.asfortranarray(rng.choice(values, (5, 6, 7)).astype(np.int64))
    counts = count_pairs(reference, prediction)
    flat = reference.ravel(), prediction.ravel()
    np.testing.assert_array_equal(counts.voxels, confusion_matrix(*flat, labels=values)[seed % 2 :])
    precision, recall, f1, support = precision_recall_fscore_support(*flat, labels=held)
    iou = jaccard_score(*flat, labels=held, average=None)
    for k, value in enumerate(held):
        scores = overlap(counts, value, 2.0)
        found = (scores.dice, scores.iou, scores.precision, scores.recall, scores.volume_reference_ml)
        assert found == pytest.approx((f1[k], iou[k], precision[k], recall[k], 2.0 * support[k]))


def test_memory_order_does_not_matter():
    rng = np.random.default_rng(0)
    reference, prediction = rng.integers(0, 3, (2, 4, 5, 6))
    mixed = count_pairs(np.asfortranarray(reference), prediction)
    np.testing.assert_array_equal(mixed.voxels, count_pairs(reference, prediction).voxels)


@pytest.mark.parametrize(
    ("reference", "prediction", "expected"),
    [
        (0, 0, {"dice": math.nan, "iou": math.nan, "precision": math.nan, "recall": math.nan}),
        (1, 0, {"dice": 0.0, "iou": 0.0, "precision": math.nan, "recall": 0.0}),
        (0, 1, {"dice": 0.0, "iou": 0.0, "precision": 0.0, "recall": math.nan}),
        (1, 1, {"dice": 1.0, "iou": 1.0, "precision": 1.0, "recall": 1.0}),
    ],
)
def test_empty_masks(reference, prediction, expected):
    scores = overlap(count_pairs(np.full((2, 2, 2), reference), np.full((2, 2, 2), prediction)), 1, 0.5)
    for name, value in expected.items():
        np.testing.assert_equal(getattr(scores, name), value, err_msg=name)
    assert (scores.volume_reference_ml, scores.volume_prediction_ml) == (4 * reference, 4 * prediction)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(2, 2\) and \(4,\)"):
        count_pairs(np.zeros((2, 2), int), np.zeros(4, int))
