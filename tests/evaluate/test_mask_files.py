"""One binary mask per class: overlaps, absent and further masks, masks against label maps."""

import itertools

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medse.errors import InputError
from medse.evaluate.case_maps import read_case
from medse.evaluate.cases import CaseFiles
from medse.evaluate.evaluate import evaluate_folders
from medse.evaluate.masks import MaskCodes
from medse.labels import Labels

AFFINE = np.diag([-1.0, 2.0, 3.0, 1.0])
SHAPE = (7, 6, 5)
NAMES = ("core", "tumour", "whole")


def save(path, array, affine=AFFINE, dtype=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(np.asarray(array, dtype), affine), path)


def random_masks(seed, names=NAMES):
    random = np.random.default_rng(seed)
    return {name: random.random(SHAPE) < 0.4 for name in names}


def save_masks(folder, masks, **options):
    for name, mask in masks.items():
        save(folder / f"{name}.nii.gz", mask, **options)
    return folder


def read(reference, prediction, labels=None, names=NAMES, worst=False, **options):
    geometry = {"copy_affine": False, "resample": False} | options
    return read_case(CaseFiles("s", reference, prediction, worst), labels, mask_names=names, **geometry)


def masks_of(maps, array):
    return {name: np.isin(array, list(values)) for name, values in maps.members.items()}


@pytest.fixture
def pair(tmp_path):
    """Masks that overlap in every way."""
    truth, guess = random_masks(0), random_masks(1)
    return truth, guess, save_masks(tmp_path / "r" / "s", truth), save_masks(tmp_path / "p" / "s", guess)


def test_overlapping_masks_come_back_from_one_map(pair):
    truth, guess, reference, prediction = pair
    maps = read(reference, prediction)
    assert tuple(maps.members) == NAMES
    assert (maps.reference.dtype, maps.reference.shape) == (np.uint8, SHAPE)
    np.testing.assert_equal(masks_of(maps, maps.reference), truth)
    np.testing.assert_equal(masks_of(maps, maps.prediction), guess)
    same = np.all([truth[name] == guess[name] for name in NAMES], axis=0)
    np.testing.assert_array_equal(maps.reference == maps.prediction, same)
    assert (maps.geometry_fixed, maps.resampled, maps.missing, maps.picture) == (False, False, False, False)


def test_many_combinations_widen_the_map():
    names = [f"c{k}" for k in range(10)]
    bits = np.arange(1024, dtype=np.uint16).reshape(8, 8, 16)
    masks = {name: (bits >> k & 1).astype(bool) for k, name in enumerate(names)}
    codes = MaskCodes({name: k for k, name in enumerate(names, start=1)}, 11)
    found = np.zeros(bits.shape, np.uint8)
    for name, mask in masks.items():
        found = codes.add(found, mask, name)
    assert found.dtype == np.uint16
    assert len(np.unique(found)) == 1024
    for name, mask in masks.items():
        np.testing.assert_array_equal(np.isin(found, list(codes.members[name])), mask)
    for one, other in itertools.pairwise(names):
        assert len(codes.members[one] & codes.members[other]) == 256


def test_any_one_value_marks_a_mask(tmp_path):
    mask = random_masks(0)["core"]
    kinds = {"a": (mask * 255, np.uint8), "b": (mask * 1.0, np.float32), "c": (mask * -1, np.int16)}
    kinds |= {"empty": (mask * 0, np.uint8), "full": (mask * 0 + 7, np.uint8)}
    for name, (array, dtype) in kinds.items():
        save(tmp_path / "s" / f"{name}.nii", array, dtype=dtype)
    maps = read(tmp_path / "s", tmp_path / "s", names=tuple(kinds))
    expected = dict.fromkeys("abc", mask) | {"empty": np.zeros_like(mask), "full": np.ones_like(mask)}
    np.testing.assert_equal(masks_of(maps, maps.reference), expected)


def test_what_is_no_mask_is_refused(pair):
    _, _, reference, prediction = pair
    save(prediction / "tumour.nii.gz", np.arange(210).reshape(SHAPE) % 8)
    with pytest.raises(InputError, match=r"p/s/tumour\.nii\.gz is no binary mask: .* 4 and 3 more"):
        read(reference, prediction)
    save(prediction / "tumour.nii.gz", -(np.arange(210).reshape(SHAPE) % 3), dtype=np.int16)
    with pytest.raises(InputError, match=r"tumour\.nii\.gz is no binary mask: .* -2, -1, 0; "):
        read(reference, prediction)
    save(reference / "core.nii.gz", np.full(SHAPE, 0.5), dtype=np.float32)
    with pytest.raises(InputError, match=r"r/s/core\.nii\.gz is not a label map: it holds 0\.5"):
        read(reference, prediction)


def test_every_reference_needs_every_mask(pair):
    _, _, reference, prediction = pair
    with pytest.raises(InputError, match=r"r/s has no mask of 2 of 5 classes: liver, spleen; "):
        read(reference, prediction, names=(*NAMES, "liver", "spleen"), worst=True)


def test_absent_masks_of_a_prediction(pair):
    truth, guess, reference, prediction = pair
    (prediction / "tumour.nii.gz").unlink()
    with pytest.raises(InputError, match=r"p/s has no mask of 1 of 3 classes: tumour; "):
        read(reference, prediction)
    maps = read(reference, prediction, worst=True)
    assert maps.missing
    np.testing.assert_equal(
        masks_of(maps, maps.prediction), guess | {"tumour": np.zeros_like(guess["tumour"])}
    )
    maps = read(reference, None, worst=True)
    assert maps.missing
    assert not maps.prediction.any()
    np.testing.assert_equal(masks_of(maps, maps.reference), truth)


def test_further_masks_of_a_prediction(pair):
    truth, guess, reference, prediction = pair
    save(prediction / "liver.nii.gz", np.full(SHAPE, 1))
    with pytest.raises(InputError, match=r"p/s has 1 mask without a reference: liver; .* --labels\."):
        read(reference, prediction)
    labels = Labels.from_mapping({"whole": 3, "core": 9}, "test")
    maps = read(reference, prediction, labels)
    assert tuple(maps.members) == ("whole", "core")
    np.testing.assert_equal(masks_of(maps, maps.reference), {n: truth[n] for n in ("whole", "core")})
    np.testing.assert_equal(masks_of(maps, maps.prediction), {n: guess[n] for n in ("whole", "core")})


@pytest.mark.parametrize("masks_first", [True, False])
def test_masks_against_a_label_map(tmp_path, masks_first):
    labels = Labels.from_mapping({"background": [0, 2], "a": [300, 5], "b": 7, "ignore": 255}, "test")
    array = np.random.default_rng(3).choice([0, 2, 300, 5, 7], SHAPE)
    save(tmp_path / "s.nii.gz", array, dtype=np.int16)
    masks = random_masks(4, "ab")
    folder = save_masks(tmp_path / "s", masks)
    sides = (folder, tmp_path / "s.nii.gz")
    maps = read(*(sides if masks_first else sides[::-1]), labels, "ab" if masks_first else None)
    of_masks, of_map = (maps.reference, maps.prediction) if masks_first else (maps.prediction, maps.reference)
    np.testing.assert_equal(masks_of(maps, of_masks), masks)
    np.testing.assert_equal(masks_of(maps, of_map), {"a": (array == 300) | (array == 5), "b": array == 7})
    with pytest.raises(InputError, match=r"s\.nii\.gz is a label map .* --labels"):
        read(*(sides if masks_first else sides[::-1]), None, "ab" if masks_first else None)


def test_ignored_voxels_of_a_label_map_are_nowhere_in_the_masks(tmp_path):
    labels = Labels.from_mapping({"a": 1, "ignore": 255}, "test")
    array = np.zeros(SHAPE)
    array[:3] = 255
    save(tmp_path / "s.nii", array)
    folder = save_masks(tmp_path / "s", {"a": np.ones(SHAPE)})
    maps = read(tmp_path / "s.nii", folder, labels, None)
    assert not maps.reference.any()
    np.testing.assert_array_equal(maps.prediction == 0, array == 255)
    with pytest.raises(InputError, match=r"s\.nii holds ignored values \(255\) in 90 voxels"):
        read(folder, tmp_path / "s.nii", labels, ("a",))


@pytest.mark.parametrize("side", ["r", "p"])
def test_all_masks_lie_on_one_grid(pair, tmp_path, side):
    _, guess, reference, prediction = pair
    save(tmp_path / side / "s" / "tumour.nii.gz", guess["tumour"], np.diag([1.0, 2.0, 3.0, 1.0]))
    with pytest.raises(InputError, match=rf"{side}/s/tumour\.nii\.gz have different affines"):
        read(reference, prediction)
    maps = read(reference, prediction, copy_affine=True)
    assert maps.geometry_fixed
    assert not maps.resampled
    np.testing.assert_array_equal(
        masks_of(maps, maps.reference if side == "r" else maps.prediction)["tumour"], guess["tumour"]
    )


def test_masks_of_a_prediction_are_resampled_one_by_one(pair):
    _, guess, reference, prediction = pair
    flipped = AFFINE @ np.array([[-1, 0, 0, SHAPE[0] - 1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    save(prediction / "tumour.nii.gz", guess["tumour"][::-1], flipped)
    maps = read(reference, prediction, resample=True)
    assert maps.resampled
    np.testing.assert_equal(masks_of(maps, maps.prediction), guess)


def test_a_preview_beside_masks_is_left_out_and_named_once(tmp_path, caplog):
    mask = random_masks(0)["core"]
    for side in ("r", "p"):
        for case in ("a", "b"):
            save_masks(tmp_path / side / case, {"liver": mask})
    Image.fromarray(np.zeros((6, 7), np.uint8)).save(tmp_path / "p" / "b" / "preview_total.png")
    with caplog.at_level("INFO", "medse"):
        scores = evaluate_folders(tmp_path / "r", tmp_path / "p", tmp_path / "out")
    assert [(row.case, row.label, row.dice) for row in scores.rows] == [
        ("a", "liver", 1.0),
        ("b", "liver", 1.0),
    ]
    (remark,) = caplog.messages
    assert "1 picture beside volumes" in remark
    assert "b/preview_total.png" in remark


def test_pictures(tmp_path):
    mask = random_masks(0)["core"][..., 0]
    for folder, name, array in (("r", "skin", mask), ("p", "skin", mask), ("p", "ink", mask)):
        (tmp_path / folder).mkdir(exist_ok=True)
        Image.fromarray((array.T * 255).astype(np.uint8)).save(tmp_path / folder / f"{name}.png")
    labels = Labels.from_mapping({"skin": 1}, "test")
    maps = read(tmp_path / "r", tmp_path / "p", labels, ("skin",))
    assert maps.picture
    np.testing.assert_array_equal(maps.prediction[..., 0] == 1, mask)
