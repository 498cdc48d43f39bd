"""Every layout from training to label maps, through the command line."""

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from tests.support.commands import medse
from tests.support.generated import AFFINE

CONFIG = """\
data:
  root: {root}
  format: {format}
  labels: {{bright: 3, dim: 7, background: [0, 5], ignore: 9}}
  patch_size: [16, 16, 16]
  folds: 2
net: {{name: unet, channels: [8, 16]}}
loss: dice_ce
optimizer: adamw
trainer: {{max_epochs: 1, steps_per_epoch: 2}}
"""

FORMATS = {
    "nnunet": "nnunet",
    "csv": "csv",
    "folders": '{name: folders, images: ["scans/{case}_t1.mha", "scans/{case}_t2.mha"], label: "seg/{case}.nrrd"}',
}


NAMES = {
    "nnunet": ("imagesTr/{}_0000.nii.gz", "imagesTr/{}_0001.nii.gz", "labelsTr/{}.nii.gz"),
    "csv": ("a b/{}.nii.gz", "a b/{}_t2.nii.gz", "{}.nii.gz"),
    "folders": ("scans/{}_t1.mha", "scans/{}_t2.mha", "seg/{}.nrrd"),
}
"""Files of both channels and of the label of a case."""


def convert(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.name.endswith(".nii.gz"):
        shutil.copy(source, target)
    else:
        SimpleITK.WriteImage(SimpleITK.ReadImage(str(source)), str(target))


def lay_out(source: Path, root: Path, layout: str) -> list[tuple[Path, Path]]:
    """Write the cases of an MSD data set, their image as both channels, in another layout; return the channels."""
    scans = []
    for image in sorted((source / "imagesTr").iterdir()):
        name = image.name.removesuffix(".nii.gz")
        one, two, label = (pattern.format(name) for pattern in NAMES[layout])
        for target, of in ((one, image), (two, image), (label, source / "labelsTr" / image.name)):
            convert(of, root / target)
        scans.append((root / one, root / two))
    if layout == "nnunet":
        names = {"channel_names": {"0": "t1", "1": "t2"}, "labels": {"background": 0, "a": 1}}
        content = {**names, "numTraining": 4, "file_ending": ".nii.gz"}
        (root / "dataset.json").write_text(json.dumps(content))
    if layout == "csv":
        rows = [f"a b/{a.name},a b/{b.name},{a.name},p{i // 2}" for i, (a, b) in enumerate(scans)]
        (root / "cases.csv").write_text("\n".join(["image,image2,label,group", *rows]) + "\n")
    return scans


@pytest.mark.parametrize("layout", FORMATS)
def test_train_and_predict(world: Path, tmp_path: Path, layout: str) -> None:
    root = tmp_path / "data"
    scans = lay_out(world / "set", root, layout)
    (tmp_path / "c.yaml").write_text(CONFIG.format(root=root, format=FORMATS[layout]))
    run = tmp_path / "run"
    assert medse("check", tmp_path / "c.yaml") == 0
    assert medse("train", tmp_path / "c.yaml", "--run", run) == 0
    listed = (run / "validation_cases.txt").read_text().splitlines()
    split = json.loads((run / "splits.json").read_text())["folds"][0]["validation"]
    if layout == "csv":
        split = [f"{name}\tp{int(name[-1]) // 2}" for name in split]
    assert listed == split
    labels = json.loads((run / "dataset.json").read_text())["labels"]
    assert labels == {"background": [0, 5], "bright": 3, "dim": 7, "ignore": 9}
    inputs = root / "cases.csv" if layout == "csv" else scans[0][0].parent
    assert medse("predict", run, inputs, "--out", tmp_path / "out") == 0
    found = sorted((tmp_path / "out").glob("*.nii.gz"))
    assert [path.name for path in found] == [f"ball_{i}.nii.gz" for i in range(4)]
    for path in found:
        image = nib.load(path)
        np.testing.assert_allclose(image.affine, AFFINE, atol=1e-5)
        assert image.shape == (18, 22, 16)
        assert set(np.unique(np.asarray(image.dataobj))) <= {0, 3, 7}
    references = root / {"nnunet": "labelsTr", "csv": "ball_{case}.nii.gz", "folders": "seg"}[layout]
    predictions = tmp_path / "out" / "ball_{case}.nii.gz" if layout == "csv" else tmp_path / "out"
    report = tmp_path / "report"
    assert medse("evaluate", references, predictions, "--out", report, "--labels", tmp_path / "c.yaml") == 0
    assert json.loads((report / "scores.json").read_text())["summaries"]["cases"] == 4


FOLDERS = '{name: folders, images: ["{case}/anat/{case}_T1w.nii.gz"], label: "{case}/seg.nii.gz"}'
COLOURS = {"0": "R", "1": "G", "2": "B"}


def test_a_folder_for_each_case(world: Path, tmp_path: Path) -> None:
    """From training to the report: predictions have the names of the folders, and are found by them."""
    root = tmp_path / "data"
    for image in (world / "set" / "imagesTr").iterdir():
        name = image.name.removesuffix(".nii.gz")
        convert(image, root / name / "anat" / f"{name}_T1w.nii.gz")
        convert(world / "set" / "labelsTr" / image.name, root / name / "seg.nii.gz")
    (tmp_path / "c.yaml").write_text(CONFIG.format(root=root, format=FOLDERS))
    run, out, report = tmp_path / "run", tmp_path / "out", tmp_path / "report"
    assert medse("train", tmp_path / "c.yaml", "--run", run) == 0
    assert medse("predict", run, root, "--out", out) == 0
    assert sorted(path.name for path in out.glob("*.nii.gz")) == [f"ball_{k}.nii.gz" for k in range(4)]
    scored = medse(
        "evaluate", root / "{case}" / "seg.nii.gz", out, "--out", report, "--labels", tmp_path / "c.yaml",
        "--images", root / "{case}" / "anat" / "{case}_T1w.nii.gz", "--cases", run / "validation_cases.txt",
    )  # fmt: skip
    assert scored == 0
    settings = json.loads((report / "scores.json").read_text())["settings"]
    assert settings["references"] == "{case}/seg.nii.gz"
    assert str(tmp_path) not in (report / "report.html").read_text()


def test_colours_of_one_picture_are_channels(tmp_path: Path) -> None:
    """Opaque RGBA counts as RGB; a file of one channel is refused for what it holds."""
    root, random = tmp_path / "data", np.random.default_rng(0)
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    for k in range(4):
        label = np.zeros((24, 20), np.uint8)
        label[4:12, 5 : 9 + k] = 1
        colours = (label[..., None] * 90 + random.integers(0, 80, (24, 20, 3))).astype(np.uint8)
        picture = Image.fromarray(colours)
        (picture.convert("RGBA") if k == 3 else picture).save(root / "imagesTr" / f"p{k}_0000.png")
        Image.fromarray(label).save(root / "labelsTr" / f"p{k}.png")
    content = {"channel_names": COLOURS, "labels": {"background": 0, "a": 1}, "file_ending": ".png"}
    (root / "dataset.json").write_text(json.dumps(content))
    config = CONFIG.replace("[16, 16, 16]", "[16, 16]").replace("bright: 3, dim: 7", "a: 1")
    (tmp_path / "c.yaml").write_text(config.format(root=root, format="nnunet"))
    run, out = tmp_path / "run", tmp_path / "out"
    assert medse("train", tmp_path / "c.yaml", "--run", run) == 0
    assert list(json.loads((run / "dataset.json").read_text())["channel_names"].values()) == ["R", "G", "B"]
    assert medse("predict", run, root / "imagesTr", "--out", out) == 0
    assert sorted(path.name for path in out.glob("*.png")) == [f"p{k}.png" for k in range(4)]


@pytest.mark.parametrize(
    ("mode", "words"),
    [("L", "1 values per voxel"), ("P", "colours are stored in a palette"), ("LA", "1 values")],
)
def test_a_picture_with_other_colours_is_refused_before_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str, words: str
) -> None:
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / folder).mkdir()
    for name in "ab":
        Image.fromarray(np.full((20, 20), 3, np.uint8)).convert(mode).save(
            tmp_path / f"imagesTr/{name}_0000.png"
        )
        Image.fromarray(np.ones((20, 20), np.uint8)).save(tmp_path / f"labelsTr/{name}.png")
    content = {"channel_names": COLOURS, "labels": {"background": 0, "a": 1}, "file_ending": ".png"}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    config = CONFIG.replace("[16, 16, 16]", "[16, 16]").replace("bright: 3, dim: 7", "a: 1")
    (tmp_path / "c.yaml").write_text(config.format(root=tmp_path, format="nnunet"))
    assert medse("check", tmp_path / "c.yaml") == 2
    message = capsys.readouterr().err
    assert "a_0000.png" in message
    assert words in message


def test_channels_on_different_grids(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "data"
    (_, moved), *_ = lay_out(world / "set", root, "nnunet")
    (tmp_path / "c.yaml").write_text(CONFIG.format(root=root, format="nnunet"))
    run = tmp_path / "run"
    assert medse("train", tmp_path / "c.yaml", "--run", run) == 0
    image = nib.load(moved)
    affine = image.affine.copy()
    affine[1, 3] += 0.5
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), moved)
    capsys.readouterr()
    assert medse("predict", run, root / "imagesTr", "--out", tmp_path / "no") == 2
    message = capsys.readouterr().err
    assert "medse resample" in message
    assert "ball_0_0001.nii.gz" in message
    assert not (tmp_path / "no").exists()
    fix = ("--fix-geometry", "copy-affine")
    assert medse("predict", run, root / "imagesTr", "--out", tmp_path / "yes", *fix) == 0
    facts = json.loads((tmp_path / "yes" / "prediction.json").read_text())
    assert (facts["fix_geometry"], facts["geometry_fixed"]) == ("copy-affine", ["ball_0"])
    assert medse("train", tmp_path / "c.yaml", "--run", tmp_path / "strict") == 2
    assert medse("train", tmp_path / "c.yaml", "--run", tmp_path / "fixed", *fix) == 0
    assert json.loads((tmp_path / "fixed" / "provenance.json").read_text())["geometry_fixed"] == ["ball_0"]
    new = tmp_path / "on grid.nii.gz"
    first = root / "imagesTr" / "ball_0_0000.nii.gz"
    assert medse("resample", moved, "--like", first, "--out", new) == 0
    np.testing.assert_array_equal(nib.load(new).affine, nib.load(first).affine)
