"""The embedded default, from nothing to a report."""

import csv
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from medse.cli import quickstart
from medse.config.run import load_config
from medse.errors import InputError
from medse.phantoms.torso.tissues import CLASSES
from medse.scores.classification import ClassificationScores
from medse.scores.scores import Scores

BRAIN = {"CSF", "grey matter", "white matter"}


@pytest.mark.parametrize(
    ("body", "classes", "held_out"),
    [
        ("brain", BRAIN, ["subject_06", "subject_07", "template"]),
        ("torso", {*CLASSES} - {"background"}, ["subject_06", "subject_07"]),
    ],
)
def test_every_stage_on_a_cohort_too_small_to_learn_from(
    body: str,
    classes: set[str],
    held_out: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(quickstart.COHORTS, body, replace(quickstart.COHORTS[body], train=5, test=2))
    small = [
        "net.channels=[4,8]",
        "trainer.max_minutes=0.02",
        "data.patch_size=[32,32,32]",
        "inference.overlap=0",
        "data.folds=5",
    ]
    monkeypatch.setattr(quickstart, "load_config", lambda path, given: load_config(path, [*given, *small]))
    out = tmp_path / "out"
    result = quickstart.quickstart(out, body=body)
    assert isinstance(result.held_out, Scores)
    assert result.held_out.summaries.cases == 2
    assert sorted(path.name for path in (out / "predictions").glob("*.nii.gz")) == [
        f"{case}.nii.gz" for case in held_out
    ]
    assert (result.template is not None) == ("template" in held_out)
    if result.template:
        assert [row.case for row in result.template.rows] == ["template"] * 3
    assert {c.label for c in result.held_out.summaries.classes} == classes
    assert result.report == out / "report" / "report.html"
    assert "<img" in result.report.read_text(encoding="utf-8")
    assert "none of them is a patient" in capsys.readouterr().out
    with pytest.raises(InputError, match="exists and is not empty; give another --out"):
        quickstart.quickstart(out, body=body)


def test_slices_with_tumours_are_classified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(quickstart.COHORTS, "tumour", replace(quickstart.COHORTS["tumour"], train=6, test=3))
    small = ["net.channels=4", "net.blocks=[1,1,1]", "data.size=[32,32]", "data.folds=2"]
    small += ["trainer.max_epochs=1", "trainer.steps_per_epoch=2"]
    monkeypatch.setattr(quickstart, "load_config", lambda path, given: load_config(path, [*given, *small]))
    out = tmp_path / "out"
    result = quickstart.quickstart(out, body="tumour")
    with (out / "cohort" / "cases.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    held_out = {row["case"] for row in rows if row["split"] == "test"}
    assert isinstance(result.held_out, ClassificationScores)
    assert {row.case for row in result.held_out.rows} == held_out
    assert {row["group"] for row in rows if row["case"] in held_out} == {
        f"generated_00{n}" for n in (7, 8, 9)
    }
    assert (result.held_out.n, result.held_out.groups) == (len(held_out), 3)
    assert [one.label for one in result.held_out.classes] == ["glioma", "meningioma", "pituitary"]
    assert {path.stem for path in (out / "predictions" / "maps").glob("*.png")} == held_out
    assert result.template is None
    assert result.report == out / "report" / "report.html"
    assert "<img" in result.report.read_text(encoding="utf-8")
    assert "none of them is a patient" in capsys.readouterr().out


def test_another_body_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^Unknown body 'torsos'; did you mean 'torso'"):
        quickstart.quickstart(tmp_path / "out", body="torsos")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "row", "column", "least"),
    [
        ("brain", "mean of classes", 3, 0.88),
        ("torso", "mean of classes", 3, 0.85),
        ("tumour", "Accuracy", 2, 0.9),
    ],
)
def test_the_real_one_is_quick_and_good(
    body: str, row: str, column: int, least: float, tmp_path: Path
) -> None:
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "medse", "quickstart", "--out", "q", "--body", body],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "120"},
        check=False,
    )
    minutes = (time.monotonic() - started) / 60
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if row in line)
    assert float(line.split("│")[column].split()[0]) >= least
    print(f"{minutes:.1f} minutes\n{done.stdout}")
