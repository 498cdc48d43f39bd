"""``medse explain`` from the command line, on a classifier that was trained for seconds."""

import csv
import inspect
from pathlib import Path

import pytest

from medse.cli.explain import MOST
from medse.explain import explain_images
from tests.explain.planted import write_pictures
from tests.support.commands import medse, refused

TINY = """\
task: classification
data:
  root: {root}
  size: [32, 32]
  folds: 2
  duplicates: allow
net:
  name: resnetv2
  channels: 8
  blocks: [1, 1]
  strides: 2
  attention: scse
loss:
  name: cross_entropy
optimizer:
  name: adamw
  lr: 1e-3
trainer:
  max_epochs: 1
  steps_per_epoch: 2
  batch_size: 4
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    labels = {f"s{n}": "square" for n in range(4)} | {f"n{n}": "none" for n in range(4)}
    write_pictures(folder / "data", labels)
    (folder / "tiny.yaml").write_text(TINY.format(root=folder / "data"))
    assert medse("train", folder / "tiny.yaml", "--run", folder / "run") == 0
    return folder


def test_the_cases_of_a_list_are_explained(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = trained / "run" / "validation_cases.txt"
    out, data = tmp_path / "out", trained / "data"
    assert (
        medse(
            "explain",
            trained / "run",
            data,
            "--out",
            out,
            "--references",
            data,
            "--cases",
            listed,
            "--most",
            1,
        )
        == 0
    )
    names = [line.split("\t")[0] for line in listed.read_text().splitlines()]
    with (out / "explain.csv").open(newline="") as lines:
        rows = {row["case"]: row for row in csv.DictReader(lines)}
    assert sorted(rows) == sorted(names)
    assert {name: row["reference"] for name, row in rows.items()} == {
        name: "square" if name.startswith("s") else "none" for name in names
    }
    assert all((row["area_share"] != "") == name.startswith("s") for name, row in rows.items())
    assert sorted(path.stem for path in (out / "maps").iterdir()) == sorted(names)
    assert len([*(out / "overlays").iterdir()]) == 1
    said = capsys.readouterr().out
    assert "insertion" in said
    assert "overlays" in said


def test_pictures_are_as_many_as_from_python() -> None:
    assert inspect.signature(explain_images).parameters["most"].default == MOST


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("--references", "none", "none"),
        ("--references", "elsewhere", "none of the 8 images"),
        ("--cases", "cases.txt", "unheard"),
        ("--out", "data/out", "--out"),
        ("--most", "-1", "-1"),
    ],
)
def test_what_cannot_be_is_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str, word: str
) -> None:
    write_pictures(tmp_path / "elsewhere", {"s0": "square", "n0": "none"})
    (tmp_path / "data").symlink_to(trained / "data")
    (tmp_path / "cases.txt").write_text("s0\nunheard\n")
    given = {"--out": tmp_path / "out", option: value if option == "--most" else tmp_path / value}
    words = [word for pair in given.items() for word in pair]
    capsys.readouterr()
    refused(capsys, medse("explain", trained / "run", trained / "data", *words), word)
