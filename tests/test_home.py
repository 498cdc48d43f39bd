"""A ``~`` at the start of a path is the home folder wherever a path is given, and only there."""

import json
import shutil
from pathlib import Path

import pytest

import medse as product
from medse.files import given_path
from medse.runs.build import dataset
from tests.support.commands import medse
from tests.support.generated import TINY


@pytest.fixture
def home(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with a data set and a run, somewhere else than where commands run."""
    folder, here = tmp_path / "home", tmp_path / "here"
    shutil.copytree(world / "set", folder / "set")
    shutil.copytree(world / "run", folder / "run")
    here.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.chdir(here)
    return folder


def test_only_at_the_start_and_of_somebody(home: Path) -> None:
    assert given_path("~/x/{case}.nii") == home / "x" / "{case}.nii"
    for path in ("x/~/y", "~$lock.csv", "~nobody.of.that.name/x", "/a/~b"):
        assert given_path(path) == Path(path)


def test_on_the_command_line(home: Path) -> None:
    (home / "tiny.yaml").write_text(TINY.format(root="~/set"))
    assert medse("check", "~/tiny.yaml") == 0
    assert medse("check", home / "tiny.yaml", "data.root=~/set") == 0
    assert medse("predict", "~/run", "~/set/imagesTr/{case}.nii.gz", "--out=~/pred") == 0
    names = sorted(path.name for path in (home / "pred").glob("*.nii.gz"))
    assert names == sorted(path.name for path in (home / "set" / "imagesTr").iterdir())
    scored = ("~/set/labelsTr", "~/pred", "--labels=~/set/dataset.json", "--images=~/set/imagesTr")
    assert medse("evaluate", *scored, "-o", "~/a") == 0
    assert medse("evaluate", *scored, "--out", "~/b") == 0
    assert medse("compare", "one=~/a", "two=~/b", "--out=~/c") == 0
    assert medse("schema", "--out=~/schema.json") == 0
    assert {path.name for path in home.iterdir()} >= {"a", "b", "c", "schema.json"}
    assert not list(Path.cwd().iterdir()), "a folder named ~ was made"


def test_from_python(home: Path) -> None:
    run = product.load_run("~/run")
    array, grid = product.read_volume("~/set/imagesTr/ball_0.nii.gz")
    assert run.segment("~/set/imagesTr/ball_0.nii.gz").shape == array.shape == grid.shape
    written = product.predict_scans("~/run", "~/set/imagesTr/ball_0.nii.gz", "~/pred")
    assert written == [home / "pred" / "ball_0.nii.gz"]
    assert product.load_config("quickstart.yaml", ["data.root=~/set"]).data.root == home / "set"


def test_in_the_cells_of_a_data_set(home: Path) -> None:
    entry = {"image": "~/set/imagesTr/ball_0.nii.gz", "label": "~/set/labelsTr/ball_0.nii.gz"}
    content = json.loads((home / "set" / "dataset.json").read_text()) | {"training": [entry]}
    (home / "set" / "dataset.json").write_text(json.dumps(content))
    config = ["data.root=~/set", "data.labels={bright: 3, dim: 7}"]
    (case,) = dataset(product.load_config("quickstart.yaml", config).data).cases
    assert case.label == home / "set" / "labelsTr" / "ball_0.nii.gz"
    (home / "set" / "cases.csv").write_text(f"image,label\n{entry['image']},{entry['label']}\n")
    (row,) = dataset(product.load_config("quickstart.yaml", [*config, "data.format=csv"]).data).cases
    assert row.images == (home / "set" / "imagesTr" / "ball_0.nii.gz",)
