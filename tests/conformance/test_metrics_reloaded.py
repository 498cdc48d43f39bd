"""``metrics_reloaded`` against its formulas written down once more on whole arrays; its package is in no registry."""

import math

import numpy as np
from scipy.ndimage import binary_erosion, distance_transform_edt

from medse.metrics.conventions.metrics_reloaded import measure
from tests.conformance.table import difference
from tests.support.hand_made_pairs import Pair
from tests.support.pairs import all_pairs


def scores(pair: Pair) -> dict[str, float]:
    """The published definitions: the border of each mask, read from the distance map of the other."""
    reference, prediction = pair.reference, pair.prediction
    both, either = (reference & prediction).sum(), (reference | prediction).sum()
    total = reference.sum() + prediction.sum()
    overlap = {"dice": 2 * both / total if total else 1.0, "iou": both / either if either else math.nan}
    if any(pair.empty):
        far, near = (0.0, 1.0) if all(pair.empty) else (math.nan, 0.0)
        return overlap | {"hd_mm": far, "hd95_mm": far, "assd_mm": far, "nsd": near}
    borders = [mask & ~binary_erosion(mask) for mask in (reference, prediction)]
    maps = [distance_transform_edt(~border, sampling=pair.spacing_mm) for border in borders]
    first, second = maps[1][borders[0]], maps[0][borders[1]]
    near = (first <= pair.tolerance_mm).sum() + (second <= pair.tolerance_mm).sum()
    return overlap | {
        "hd_mm": max(first.max(), second.max()),
        "hd95_mm": max(np.percentile(first, 95), np.percentile(second, 95)),
        "assd_mm": (first.sum() + second.sum()) / (len(first) + len(second)),
        "nsd": near / (len(first) + len(second)),
    }


def test_metrics_reloaded_follows_its_definitions():
    pairs = all_pairs()
    assert len(pairs) == 249
    for pair in pairs:
        ours = measure(pair.masks())
        for score, expected in scores(pair).items():
            assert difference(getattr(ours, score), expected) <= 1e-12, (pair.name, score)
