"""The embedded default, from nothing to a report."""

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


def test_another_body_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="^Unknown body 'torsos'; did you mean 'torso'"):
        quickstart.quickstart(tmp_path / "out", body="torsos")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("body", "least"), [("brain", 0.88), ("torso", 0.85)])
def test_the_real_one_is_quick_and_good(body: str, least: float, tmp_path: Path) -> None:
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
    line = next(line for line in done.stdout.splitlines() if "mean of classes" in line)
    assert float(line.split("│")[3].split()[0]) >= least
    print(f"{minutes:.1f} minutes\n{done.stdout}")
