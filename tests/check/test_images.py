"""``medse check`` of a configuration for classification."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.support.commands import medse, refused
from tests.support.pictures import write_picture_config, write_pictures


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_picture_config(tmp_path / "small.yaml", write_pictures(tmp_path / "data"))


def test_it_counts_classes_groups_and_outlines(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert medse("check", config) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for fact in (
        "24 images",
        "groups 12",
        "24 with an outline",
        "pairs across the folds: none",
        "grey",
        "24 x 24",
    ):
        assert fact in shown
    assert "│ spot │ 8 │ 4 │" in shown


def test_a_copy_on_both_sides_stops_it_unless_it_is_allowed(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Image.open(tmp_path / "data" / "images" / "spot00.png") as image:
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "data" / "images" / "spot10.png")
    shutil.copy(tmp_path / "data" / "masks" / "spot00.png", tmp_path / "data" / "masks" / "spot10.png")
    code = medse("check", config, "data.folds=4")
    refused(capsys, code, "data.duplicates=allow")
    runs = [tmp_path / f"run{fold}" for fold in range(4)]
    short = (config, "data.folds=4", "trainer.max_epochs=1", "trainer.steps_per_epoch=1")
    codes = [medse("train", *short, "--fold", fold, "--run", run) for fold, run in enumerate(runs)]
    assert sorted(codes) == [0, 0, 2, 2]  # those that validate on one of the two
    assert [run.exists() for run in runs] == [code == 0 for code in codes]
    assert medse("check", config, "data.folds=4", "data.duplicates=allow") == 0


def test_an_option_of_the_other_task_is_refused(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(capsys, medse("train", config, "--fold", "first"), "--fold is 'first'")
    refused(
        capsys,
        medse("train", "quickstart.yaml", "--fold", "all", "--run", tmp_path / "r"),
        "task segmentation",
    )


def test_every_unusable_file_is_named_and_weights_are_read(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = tmp_path / "absent.pth"
    refused(capsys, medse("check", config, f"trainer.weights={absent}"), "absent.pth")
    for name in ("spot00", "blank11"):
        path = tmp_path / "data" / "images" / f"{name}.png"
        path.write_bytes(path.read_bytes()[:-40])
    refused(capsys, medse("check", config), r"blank11\.png.*spot00\.png")


def test_folds_of_the_data_are_said_to_be_its_own(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    table = tmp_path / "data" / "cases.csv"
    first, *rows = table.read_text().splitlines()
    table.write_text(
        "\n".join([f"{first},split", *(f"{row},{'validation' if '3' in row else 'train'}" for row in rows)])
    )
    assert medse("check", config) == 0
    assert "as the data gives it" in capsys.readouterr().out
    assert medse("train", config, "--run", tmp_path / "run") == 0
    assert medse("predict", tmp_path / "run", tmp_path / "data", "--out", tmp_path / "p") == 0
    said = json.loads((tmp_path / "p" / "prediction.json").read_text())
    assert said["split"]["method"] == "given"


def test_an_image_of_two_classes_is_refused_on_one_side_too(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "data" / "cases.csv"
    header, *rows = table.read_text().splitlines()
    first = next(row for row in rows if "spot00" in row)
    columns = header.split(",")
    cells = dict(zip(columns, first.split(","), strict=True)) | {
        "image": "images/copy.png",
        "label": "stripes",
        "mask": "",
    }
    table.write_text("\n".join([header, *rows, ",".join(cells[name] for name in columns)]) + "\n")
    shutil.copy(tmp_path / "data" / "images" / "spot00.png", tmp_path / "data" / "images" / "copy.png")
    refused(capsys, medse("check", config), "of class 'stripes' and the second of class 'spot'")
    assert medse("check", config, "data.duplicates=allow") == 0
