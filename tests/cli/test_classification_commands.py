"""``medse evaluate`` and ``medse compare`` of classifiers on the command line."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from medse.cli import compare as compare_command
from medse.cli import evaluate as evaluate_command
from medse.scores.classification import read_classification
from tests.support.commands import medse, refused
from tests.support.made_up_classes import CLASSES, probabilities, write_predicted, write_table

LABELS = np.random.default_rng(0).integers(0, 3, 40)
GROUPS = [f"g{k // 2}" for k in range(40)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for command in (evaluate_command, compare_command):
        monkeypatch.setattr(command, "console", Console(width=80))
    write_table(tmp_path / "references", LABELS, GROUPS)
    for name, gain in (("good", 3), ("poor", 0.5)):
        write_predicted(tmp_path / name, probabilities(LABELS, len(name), gain))
    return tmp_path


def evaluate(folder: Path, name: str, *arguments: object) -> int:
    return medse("evaluate", folder / "references", folder / name, "--out", folder / f"of_{name}", *arguments)


def test_evaluate_and_compare(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(folder, "good") == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert "Balanced accuracy" in said.out
    page = folder / "of_good" / "report.html"
    assert str(page) in said.out.replace("\n", "")
    assert page.read_text().count("data:image/jpeg") > 0
    assert "40 cases of 20 groups" in said.out
    for label in CLASSES:
        assert any(f" {label} " in line and "[" in line for line in said.out.splitlines())
    assert (
        evaluate(folder, "poor/predictions.csv", "--out", folder / "of_poor", "evaluation.threshold=0.4") == 0
    )
    capsys.readouterr()
    both = [f"{name}={folder / f'of_{name}'}" for name in ("good", "poor")]
    assert medse("compare", *both, "--out", folder / "compared") == 0
    said = capsys.readouterr()
    assert sum(line.rstrip().endswith("better") for line in said.out.splitlines()) == 3
    for word in ("McNemar", "two proportions", "DeLong, glioma", "naive", "seed condition"):
        assert word in said.out


def test_what_is_for_label_maps_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = {
        "--labels": "x.json", "--conventions": "all", "--tolerance": 1, "--missing": "worst", "--pixel-mm": 1,
        "--processes": 1, "--fix-geometry": "copy-affine",
    }  # fmt: skip
    given = [*(part for option in options.items() for part in option), "--binary", "--resample-prediction"]
    refused(capsys, evaluate(folder, "good", *given), "--labels", lines=9)
    assert not (folder / "of_good").exists()
    for override in ("evaluation.unit=group", "evaluation.threshold=1.5"):
        assert evaluate(folder, "good", override) == 2
        assert override.partition("=")[0] in capsys.readouterr().err
    assert evaluate(folder, "good") == 0
    assert evaluate(folder, "poor") == 0
    capsys.readouterr()
    both = [folder / "of_good", folder / "of_poor"]
    refused(capsys, medse("compare", *both, "--score", "dice", "--out", folder / "out"), "--score dice")


def test_a_configuration_names_columns_and_threshold(folder: Path) -> None:
    table = folder / "references" / "cases.csv"
    table.write_text(table.read_text().replace("label,group", "diagnosis,patient"))
    (folder / "run.yaml").write_text(
        "task: classification\ndata: {root: x, size: [8, 8], format: {name: csv, label: diagnosis, group: patient}}\n"
        "evaluation: {threshold: 0.2}\n"
    )
    assert evaluate(folder, "good") == 2
    assert evaluate(folder, "good", "--config", folder / "run.yaml") == 0
    scores = read_classification(folder / "of_good")
    assert (scores.settings.threshold, scores.groups) == (0.2, 20)


def test_images_that_lie_elsewhere_are_shown_and_their_folder_is_not_named(folder: Path) -> None:
    table = folder / "references" / "cases.csv"
    lines = table.read_text().splitlines()
    moved = [lines[0], *(f"{folder / 'references'}/{line}" for line in lines[1:])]
    (folder / "table").mkdir()
    (folder / "table" / "mine.csv").write_text("\n".join(moved))
    arguments = [folder / "table" / "mine.csv", folder / "poor"]
    for out, more in (("alone", []), ("asked", ["--images", folder / "references"])):
        assert medse("evaluate", *arguments, "--out", folder / out, *more) == 0
        assert "data:image/jpeg" in (folder / out / "report.html").read_text()
        assert str(folder) not in (folder / out / "cases.csv").read_text()


def test_an_absent_class_and_a_single_group_are_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_table(folder / "references", LABELS % 2, ["p"] * 40)
    assert evaluate(folder, "good") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "none: it is in no mean" in said
    assert "40 cases of 1 group " in said
    assert "no intervals" in said


def test_an_image_that_cannot_be_shown_costs_no_number(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (folder / "references").glob("*.png"):
        path.write_bytes(b"no picture")
    assert evaluate(folder, "good") == 2
    said = capsys.readouterr()
    assert "Balanced accuracy" in said.out
    assert "case_" in said.err
    assert (folder / "of_good" / "classification.json").is_file()
