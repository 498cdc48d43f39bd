"""Every named convention against the package it is named after."""

import math

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt

from medse.metrics.conventions.table import CONVENTIONS
from tests.conformance.packages import PACKAGES, old_names
from tests.conformance.table import Line, compare, difference, surface_differences
from tests.support.pairs import ANISOTROPIC, Pair, all_pairs, outlier

RELATIVE = {"nnunet": 0.0, "monai": 1e-6, "medpy": 1e-12, "deepmind": 1e-12}
"""MONAI computes in single precision; the others only add in another order."""


def package_of(convention: str) -> None:
    pytest.importorskip(PACKAGES[convention].module, reason="the extra 'conformance' is not installed")


def check(lines: dict[str, Line], convention: str) -> None:
    for score, line in lines.items():
        assert line.difference <= RELATIVE[convention], line
        assert line.compared + sum(line.defects.values()) == (len(all_pairs()) if line.compared else 0)
        assert (line.compared > 0) == (score in PACKAGES[convention].ask)


def test_the_pairs_are_of_every_kind_that_is_promised():
    pairs = all_pairs()
    assert len(pairs) == len({pair.name for pair in pairs}) == 249
    assert sum(all(pair.empty) for pair in pairs) == 2
    assert sum(pair.empty == (True, False) for pair in pairs) == 5
    assert sum(pair.empty == (False, True) for pair in pairs) == 7
    assert sum(pair.reference.sum() == 1 for pair in pairs) >= 10
    assert sum(pair.reference.ndim == 2 for pair in pairs) >= 50
    assert sum(pair.reference.ndim == 3 and 1 in pair.reference.shape for pair in pairs) >= 30
    assert sum(pair.spacing_mm == ANISOTROPIC for pair in pairs) >= 40
    assert sum(bool(pair.reference.flat[0] or pair.reference.flat[-1]) for pair in pairs) >= 50
    for pair, again in zip(pairs, all_pairs.__wrapped__(), strict=True):
        assert np.array_equal(pair.reference, again.reference)
        assert np.array_equal(pair.prediction, again.prediction)


def test_nnunet():
    package_of("nnunet")
    lines = compare("nnunet", all_pairs())
    check(lines, "nnunet")
    assert (lines["dice"].compared, lines["dice"].finite) == (249, 247)


def test_monai():
    package_of("monai")
    lines = compare("monai", all_pairs())
    check(lines, "monai")
    assert [lines[score].compared for score in PACKAGES["monai"].ask] == [249] * 6
    assert [lines[score].finite for score in ("dice", "hd_mm", "hd95_mm", "nsd")] == [242, 235, 235, 247]


def test_medpy():
    package_of("medpy")
    lines = compare("medpy", all_pairs())
    check(lines, "medpy")
    assert lines["dice"].compared in (247, 249)  # without the two empty pairs where NumPy divides by 0
    assert [lines[score].compared for score in ("iou", "hd_mm", "hd95_mm", "assd_mm")] == [249] * 4
    assert lines["assd_mm"].finite == 235


def test_deepmind():
    package_of("deepmind")
    lines = compare("deepmind", all_pairs())
    check(lines, "deepmind")
    assert lines["dice"].compared >= 247
    assert min(lines[score].finite for score in ("hd_mm", "hd95_mm", "nsd")) == 235


def test_deepmind_on_empty_masks_once_numpy_has_the_names_that_it_uses():
    package_of("deepmind")
    with old_names():
        lines = compare("deepmind", all_pairs())
    check(lines, "deepmind")
    assert [lines[score].compared for score in PACKAGES["deepmind"].ask] == [249] * 4


def test_surface_distance_fails_where_it_is_not_asked():
    package_of("deepmind")
    package = PACKAGES["deepmind"]
    for pair in all_pairs():
        for score, ask in package.ask.items():
            if package.defect(score, pair):
                with pytest.raises(AttributeError, match="removed in the NumPy 2.0 release"):
                    ask(pair)


def test_medpy_is_wrong_where_it_is_not_asked():
    package_of("medpy")
    package = PACKAGES["medpy"]
    for pair in all_pairs():
        if package.defect("dice", pair):
            with pytest.warns(RuntimeWarning, match="invalid value"):
                assert np.isnan(package.ask["dice"](pair))
            assert CONVENTIONS["medpy"].measure(pair.masks()).dice == 1


def test_every_surface_element_is_where_deepmind_has_it_and_as_large():
    package_of("deepmind")
    both = [pair for pair in all_pairs() if not any(pair.empty)]
    assert len(both) == 235
    for pair in both:
        far_mm, large = surface_differences(pair)
        assert far_mm <= 1e-5, pair.name
        assert large <= 1e-9, pair.name


def test_tools_disagree_about_one_detached_blob_and_each_is_reproduced():
    pair = outlier()
    hd95 = {}
    for name in ("monai", "metrics_reloaded", "deepmind", "medpy"):
        hd95[name] = CONVENTIONS[name].measure(pair.masks()).hd95_mm
    assert hd95["monai"] == pytest.approx(hd95["metrics_reloaded"], rel=1e-6)
    assert hd95["monai"] > hd95["deepmind"] > hd95["medpy"] + 1
    for name in ("monai", "deepmind", "medpy"):
        package_of(name)
        assert PACKAGES[name].ask["hd95_mm"](pair) == pytest.approx(hd95[name], rel=1e-6)


def by_definition(pair: Pair) -> dict[str, float]:
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
    """Its package is in no registry."""
    for pair in all_pairs():
        ours = CONVENTIONS["metrics_reloaded"].measure(pair.masks())
        for score, expected in by_definition(pair).items():
            assert difference(getattr(ours, score), expected) <= 1e-12, (pair.name, score)
