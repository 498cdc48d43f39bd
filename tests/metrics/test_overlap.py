"""Overlap scores against scikit-learn and against answers worked out by hand."""

import math
import re

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, jaccard_score, precision_recall_fscore_support

from medse.metrics import overlap as module
from medse.metrics.overlap import Counts, count_pairs


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
        scores = counts.of({value})
        found = (scores.dice, scores.iou, scores.precision, scores.recall, scores.reference)
        assert found == pytest.approx((f1[k], iou[k], precision[k], recall[k], support[k]))


@pytest.mark.parametrize("members", [(2, 5), (5, 9), (9,), ()])
def test_a_class_of_several_values_is_their_union(members):
    """Confusing two values of one class is no error; a value that occurs nowhere (9) adds nothing."""
    reference, prediction = np.random.default_rng(0).choice([0, 2, 5, 7], (2, 4, 5, 6))
    truth, found = np.isin(reference, members), np.isin(prediction, members)
    assert count_pairs(reference, prediction).of(members) == Counts(
        truth.sum(), found.sum(), (truth & found).sum()
    )


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
    scores = count_pairs(np.full((2, 2, 2), reference), np.full((2, 2, 2), prediction)).of({1})
    for name, value in expected.items():
        np.testing.assert_equal(getattr(scores, name), value, err_msg=name)
    assert (scores.reference, scores.prediction) == (8 * reference, 8 * prediction)


@pytest.mark.parametrize(("one", "other"), [((2, 2), (4,)), ((0, 2), (0, 2))])
def test_other_shapes_and_empty_arrays_are_refused(one, other):
    with pytest.raises(ValueError, match=re.escape(f"{one} and {other}")):
        count_pairs(np.zeros(one, int), np.zeros(other, int))
