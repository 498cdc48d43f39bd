"""Scores of arrays against the packages themselves, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pytest

from medse.errors import InputError
from medse.metrics.of_masks import dice, hd95, surface_dice
from tests.conformance.packages import PACKAGES
from tests.support.pairs import all_pairs

PAIRS = [pair for pair in all_pairs() if not any(pair.empty)][::6]
BOX = np.zeros((6, 7, 8), bool)
BOX[1:4, 2:5, 2:6] = True


@pytest.mark.parametrize("package", ["monai", "medpy", "deepmind"])
def test_numbers_are_those_of_the_package(package):
    ask = PACKAGES[package].ask
    pytest.importorskip(PACKAGES[package].module, reason="the extra 'conformance' is not installed")
    for pair in PAIRS:
        masks = pair.reference, pair.prediction.astype(np.uint8)
        assert dice(*masks, convention=package) == pytest.approx(ask["dice"](pair), rel=1e-6)
        assert hd95(*masks, pair.spacing_mm, convention=package) == pytest.approx(
            ask["hd95_mm"](pair), rel=1e-6
        )
        if "nsd" in ask:
            found = surface_dice(*masks, pair.spacing_mm, pair.tolerance_mm, convention=package)
            assert found == pytest.approx(ask["nsd"](pair), rel=1e-6)


def test_empty_masks_by_the_default():
    empty, diagonal = np.zeros_like(BOX), math.hypot(6 * 1, 7 * 2, 8 * 3)
    for masks in ((BOX, empty), (empty, BOX)):
        assert (dice(*masks), surface_dice(*masks, (1, 2, 3), 2)) == (0, 0)
        assert hd95(*masks, (1, 2, 3)) == pytest.approx(diagonal)
    assert all(map(math.isnan, (dice(empty, empty), hd95(empty, empty, (1, 2, 3)))))
    assert dice(empty, empty, convention="medpy") == 1


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: dice(BOX, BOX[1:]), r"shape \(6, 7, 8\) and the prediction \(5, 7, 8\)"),
        (lambda: dice(BOX[0, 0], BOX[0, 0]), r"reference has shape \(8,\); 2 or 3 axes"),
        (lambda: dice(BOX, BOX[:0]), r"prediction has shape \(0, 7, 8\)"),
        (lambda: dice(BOX, BOX * 3), "prediction is no mask: it holds 3;"),
        (lambda: dice(BOX * np.nan, BOX), "reference is no mask: it holds nan;"),
        (lambda: dice(BOX, BOX, convention="monay"), "'monay'; did you mean 'monai'"),
        (lambda: dice(Path("a.nii.gz"), BOX), "PosixPath"),
        (lambda: dice(BOX * 1j, BOX), "no array of numbers"),
        (lambda: dice(BOX, BOX, convention=["monai"]), "a name is expected"),
        (lambda: hd95(BOX, BOX, 1.0), r"spacing_mm is \(1.0,\); 3 lengths"),
        (lambda: hd95(BOX, BOX, "1,1,1"), "spacing_mm is '1,1,1'; 3 numbers"),
        (lambda: surface_dice(BOX, BOX, (1, 1, 1), "2"), "tolerance_mm is 2;"),
        (lambda: hd95(BOX, BOX, (1, 1)), r"spacing_mm is \(1.0, 1.0\); 3 lengths"),
        (lambda: hd95(BOX, BOX, (1, 0, 1)), "spacing_mm is .*above 0"),
        (
            lambda: hd95(BOX, BOX, (1, 1, 1), convention="nnunet"),
            "'nnunet' has no hd95_mm; these have it: medse",
        ),
        (lambda: surface_dice(BOX, BOX, (1, 1, 1), -1), "tolerance_mm is -1;"),
        (lambda: surface_dice(BOX, BOX, (1, 1, 1), math.nan), "tolerance_mm is nan;"),
        (lambda: surface_dice(BOX, BOX, (1, 1, 1), 1, convention="medpy"), "'medpy' has no nsd;"),
    ],
)
def test_what_is_no_question_is_refused(ask, said):
    with pytest.raises(InputError, match=rf"{said}.*\.$"):
        ask()
