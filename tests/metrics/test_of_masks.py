"""Scores of arrays against the packages themselves, and what is refused."""

import math
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 -- its own documentation calls it so
import torch
from PIL import Image

from medse.errors import InputError
from medse.metrics.of_masks import dice, hd95, surface_dice
from tests.conformance.packages import PACKAGES
from tests.support.pairs import all_pairs

PAIRS = [pair for pair in all_pairs() if not any(pair.empty)][::6]
BOX = np.zeros((6, 7, 8), bool)
BOX[1:4, 2:5, 2:6] = True


def image(mask, moved=0.0):
    affine = np.diag([-1.0, 2, 3, 1])
    affine[0, 3] = moved
    return nib.Nifti1Image(mask.astype(np.uint8), affine)


def test_images_are_scored_as_their_arrays_with_their_own_spacing(tmp_path):
    other = np.roll(BOX, (1, 1, 0), axis=(0, 1, 2))
    expected = dice(BOX, other), hd95(BOX, other, (1, 2, 3)), surface_dice(BOX, other, (1, 2, 3), 1)
    for name, mask in (("a", BOX), ("b", other)):
        nib.save(image(mask), tmp_path / f"{name}.nii.gz")
    paths = str(tmp_path / "a.nii.gz"), tmp_path / "b.nii.gz"
    of_itk = [sitk.ReadImage(str(path)) for path in paths]
    for pair in ((image(BOX), image(other)), paths, of_itk, (image(BOX), of_itk[1])):
        assert dice(*pair) == expected[0]
        assert hd95(*pair) == pytest.approx(expected[1], rel=1e-6)
        assert surface_dice(*pair, tolerance_mm=1) == pytest.approx(expected[2], rel=1e-6)


def test_pictures_need_the_length_of_their_pixels(tmp_path):
    for name, mask in (("a", BOX[2]), ("b", np.roll(BOX[2], 1, axis=0))):
        Image.fromarray(mask.T.astype(np.uint8)).save(tmp_path / f"{name}.png")
    pair = tmp_path / "a.png", tmp_path / "b.png"
    assert hd95(*pair, (2, 2)) == hd95(BOX[2], np.roll(BOX[2], 1, axis=0), (2, 2)) == 2
    with pytest.raises(InputError, match="spacing_mm is None; 2 numbers"):
        hd95(*pair)


def test_tensors_are_arrays():
    assert dice(torch.from_numpy(BOX), torch.from_numpy(BOX)) == 1


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
        (lambda: dice(BOX, BOX * 3), "prediction is no mask: it holds 3; .* array == 3,"),
        (lambda: dice(BOX, BOX.astype(np.uint8) * 255), r"it holds 255; .* array == 255, .* array > 0"),
        (lambda: dice(BOX * np.nan, BOX), "reference is no mask: it holds NaN, .*nan_to_num"),
        (lambda: dice(BOX * 0.25, BOX), r"it holds 0\.25; .* array > 0\.5,"),
        (lambda: dice(BOX, BOX, convention="monay"), "'monay'; did you mean 'monai'"),
        (
            lambda: dice(Path("a.nii.gz"), BOX),
            "reference is a PosixPath and the prediction a ndarray; two images",
        ),
        (lambda: dice("gone.nii.gz", "gone.nii.gz"), "gone.nii.gz does not exist"),
        (lambda: dice(None, BOX), "reference is a NoneType, no array"),
        (lambda: dice([[1, 0], [1]], BOX), "reference is a list that is no array"),
        (lambda: dice(torch.ones(4, 4, requires_grad=True), BOX), "reference is a Tensor that is no array"),
        (lambda: dice(np.ma.masked_equal(BOX, True), BOX), "reference has masked voxels"),
        (lambda: hd95(BOX, BOX), "spacing_mm is None; 3 numbers"),
        (lambda: hd95(BOX, BOX, [[1, 2], [3]]), "spacing_mm is .*3 numbers"),
        (
            lambda: hd95(image(BOX), image(BOX), (1, 2, 3)),
            r"given with images, which have their own, \(1.0, 2.0, 3.0",
        ),
        (
            lambda: hd95(image(BOX), image(BOX, 5)),
            r"different affines, .*resample <nibabel image> onto that of",
        ),
        (lambda: dice(image(BOX), image(BOX[1:])), "different shapes"),
        (
            lambda: dice(image(BOX), image(2 * BOX)),
            r"prediction .* holds 2; .* array == 2, .* of both as arrays, .*read_volume",
        ),
        (lambda: surface_dice(BOX, BOX, (1, 1, 1)), "tolerance_mm is None;"),
        (lambda: surface_dice(BOX, BOX, (1, 1, 1), True), "tolerance_mm is True;"),
        (lambda: dice(BOX * 1j, BOX), "no array of numbers"),
        (lambda: dice(BOX, BOX, convention=["monai"]), "a name is expected"),
        (lambda: hd95(BOX, BOX, 1.0), r"spacing_mm is \(1.0,\); 3 lengths"),
        (lambda: hd95(BOX, BOX, "1,1,1"), "spacing_mm is '1,1,1'; 3 numbers"),
        (lambda: surface_dice(BOX, BOX, (1, 1, 1), "2"), "tolerance_mm is '2';"),
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
