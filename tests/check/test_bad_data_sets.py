"""Data sets that cannot be trained on: one sentence with the file and the remedy, exit code 2, nothing written."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from tests.support.commands import medse, refused


def changed_set(
    world: Path, tmp_path: Path, case: str, change: Callable[[nib.Nifti1Image], nib.Nifti1Image]
) -> Path:
    root = tmp_path / "set"
    shutil.copytree(world / "set", root)
    nib.save(change(nib.load(root / case)), root / case)
    return root


def with_voxels(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[nib.Nifti1Image], nib.Nifti1Image]:
    return lambda image: nib.Nifti1Image(change(np.asarray(image.dataobj)), image.affine)


def undeclared(image: nib.Nifti1Image) -> nib.Nifti1Image:
    array = np.array(image.dataobj)
    array[0, 0, :2] = 42
    return nib.Nifti1Image(array, image.affine)


def shifted(image: nib.Nifti1Image) -> nib.Nifti1Image:
    affine = image.affine.copy()
    affine[0, 3] += 0.03
    return nib.Nifti1Image(np.asarray(image.dataobj), affine)


def lost(image: nib.Nifti1Image) -> nib.Nifti1Image:
    image.set_qform(None, 0)
    image.set_sform(None, 0)
    return image


@pytest.mark.parametrize(
    ("folder", "change", "pattern"),
    [
        ("labelsTr", with_voxels(lambda array: array * np.float32(0.5)), r"labelsTr/ball_2\.nii\.gz.*1\.5"),
        ("labelsTr", undeclared, r"labelsTr/ball_2\.nii\.gz.*42 \(2 voxels\)"),
        ("labelsTr", with_voxels(lambda array: array[:-1]), r"ball_2.* different shapes, .* \(17, 22, 16\)"),
        ("labelsTr", shifted, r"ball_2\.nii\.gz.*affine.*copy-affine"),
        ("imagesTr", with_voxels(np.ones_like), r"imagesTr/ball_2\.nii\.gz is constant"),
        ("imagesTr", lost, r"ball_2\.nii\.gz.*left"),
    ],
)
def test_a_case_that_cannot_be_used(
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    change: Callable[..., nib.Nifti1Image],
    pattern: str,
) -> None:
    root = changed_set(world, tmp_path, f"{folder}/ball_2.nii.gz", change)
    refused(capsys, medse("check", world / "tiny.yaml", f"data.root={root}"), pattern)
    run = tmp_path / "run"
    refused(capsys, medse("train", world / "tiny.yaml", f"data.root={root}", "--run", run), pattern)
    assert not run.exists()


def test_only_some_cases_say_where_left_is(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = changed_set(world, tmp_path, "imagesTr/ball_2.nii.gz", lost)
    label = root / "labelsTr" / "ball_2.nii.gz"
    nib.save(lost(nib.load(label)), label)
    run = tmp_path / "run"
    code = medse("train", world / "tiny.yaml", f"data.root={root}", "--run", run)
    refused(capsys, code, r"ball_2\.nii\.gz does not; all cases must, or none")
    assert not run.exists()


def test_copied_affines_are_explicit_and_recorded(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = changed_set(world, tmp_path, "labelsTr/ball_2.nii.gz", shifted)
    config, run = world / "tiny.yaml", tmp_path / "run"
    assert medse("check", config, f"data.root={root}", "--fix-geometry", "copy-affine") == 0
    assert "affine copied in ball_2" in " ".join(capsys.readouterr().out.split())
    assert medse("train", config, f"data.root={root}", "--run", run, "--fix-geometry", "copy-affine") == 0
    assert json.loads((run / "provenance.json").read_text())["geometry_fixed"] == ["ball_2"]
    labels = world / "set" / "labelsTr"
    arguments = ("evaluate", labels, root / "labelsTr", "--out")
    assert medse(*arguments, tmp_path / "strict") == 2
    assert medse(*arguments, tmp_path / "fixed", "--fix-geometry", "copy-affine") == 0
    settings = json.loads((tmp_path / "fixed" / "scores.json").read_text())["settings"]
    assert settings["geometry_fixed"] == ["ball_2"]
    assert "ball_2" in (tmp_path / "fixed" / "report.html").read_text()


def table(tmp_path: Path, rows: str, masks: dict[str, Image.Image]) -> list[str]:
    """Write a CSV data set of pictures and return what changes ``tiny.yaml`` to it."""
    root = tmp_path / "pictures"
    root.mkdir()
    for seed, (name, mask) in enumerate(masks.items()):
        pixels = np.random.default_rng(seed).integers(0, 255, (20, 24), np.uint8)
        Image.fromarray(pixels).save(root / f"{name}.png")
        mask.save(root / f"{name}_mask.png")
    (root / "cases.csv").write_text(rows)
    return [f"data.root={root}", "data.format=csv", "data.patch_size=[16, 16]"]


def square(mode: str = "L") -> Image.Image:
    pixels = np.zeros((20, 24), np.uint8)
    pixels[5:12, 6:14] = 1
    return Image.fromarray(pixels).convert(mode)


def config_with_labels(world: Path, tmp_path: Path) -> Path:
    path = tmp_path / "pictures.yaml"
    text = (world / "tiny.yaml").read_text()
    path.write_text(text.replace("  folds: 2\n", "  folds: 2\n  labels:\n    square: 1\n"))
    return path


ROWS = "image,label,group\na.png,a_mask.png,p1\nb.png,b_mask.png,p2\n"


def test_pictures_train_and_predict(world: Path, tmp_path: Path) -> None:
    changes = table(tmp_path, ROWS, {"a": square(), "b": square("P")})
    config = config_with_labels(world, tmp_path)
    assert medse("check", config, *changes) == 0
    assert medse("train", config, *changes, "--run", tmp_path / "run") == 0
    assert medse("predict", tmp_path / "run", tmp_path / "pictures" / "a.png", "--out", tmp_path / "out") == 0
    found = Image.open(tmp_path / "out" / "a.png")
    assert (found.size, found.mode) == ((24, 20), "L")
    assert medse("predict", world / "run", tmp_path / "pictures" / "a.png", "--out", tmp_path / "no") == 2
    oriented = world / "set" / "imagesTr" / "ball_0.nii.gz"
    assert medse("predict", tmp_path / "run", oriented, "--out", tmp_path / "no") == 2
    assert not (tmp_path / "no").exists()


def test_pictures_of_sided_classes_are_not_mirrored(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = table(tmp_path, ROWS, {"a": square(), "b": square()})
    path = config_with_labels(world, tmp_path)
    path.write_text(path.read_text().replace("    square: 1\n", "    left_eye: 1\n    right_eye: 2\n"))
    refused(capsys, medse("check", path, *changes), r"mirror_axes is \[0, 1\].*may swap the sides")
    assert medse("check", path, *changes, "trainer.augmentation.mirror_axes=[]") == 0


def test_coloured_masks(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = table(tmp_path, ROWS, {"a": square(), "b": square("RGB")})
    config = config_with_labels(world, tmp_path)
    refused(capsys, medse("check", config, *changes), r"b_mask\.png.*colour")


def test_swapped_sides_are_named(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    swap = with_voxels(lambda a: np.select([a == 3, a == 7], [7, 3]).astype(np.uint8))
    root = changed_set(world, tmp_path, "labelsTr/ball_2.nii.gz", swap)
    content = json.loads((root / "dataset.json").read_text())
    content["labels"] = {"0": "background", "3": "right_ball", "7": "left_ball"}
    (root / "dataset.json").write_text(json.dumps(content))
    overrides = [f"data.root={root}", "trainer.augmentation.mirror_axes=[1]"]
    refused(capsys, medse("check", world / "tiny.yaml", *overrides), r"ball_2.*left_ball")
