"""``medse compare`` on the command line."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from medse.cli import compare as compare_command
from tests.support.commands import medse, refused
from tests.support.made_up_scores import write_evaluated

BASE = np.random.default_rng(3).beta(8, 2, (24, 2)) * 0.8
NOISE = np.random.default_rng(4).normal(0, 0.01, (24, 2))


def test_table_and_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare_command, "console", Console(width=80))
    unet, plain = (
        write_evaluated(tmp_path / name, BASE + shift, classes=("[b]liver", "spleen"))
        for name, shift in (("u", NOISE + 0.05), ("p", 0))
    )
    assert medse("compare", f"unet={unet}", f"[plain]={plain}", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    head = next(line for line in lines if "class" in line and "unet is" in line)
    assert head.split() == ["class", "n", "difference", "[95", "%", "interval]", "p", "unet", "is"]
    assert "mean of" in said
    assert "[b]liver" in said
    assert "unet minus [plain]" in said
    assert sum(line.rstrip().endswith("better") for line in lines) == 3
    assert any(line.startswith("unet is better than [plain]: mean Dice") for line in lines)
    assert "The seed condition was not checked" in said
    assert lines[-1] == f"Comparison: {tmp_path / 'out' / 'comparison.html'}"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "comparison.csv", "comparison.html", "comparison.json",
    ]  # fmt: skip


def test_more_models_are_listed_by_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compare_command, "console", Console(width=80))
    folders = [write_evaluated(tmp_path / f"m{k}", BASE + 0.05 * k + NOISE * (k > 0)) for k in range(3)]
    assert medse("compare", *folders, "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert said.count("m0 − m2") == 1
    assert "m2 has the highest mean Dice" in said


def test_other_cases_are_refused_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (write_evaluated(tmp_path / str(first), BASE, first_case=first) for first in (0, 1))
    refused(capsys, medse("compare", one, other, "--out", tmp_path / "out"), "different cases")
    assert not (tmp_path / "out").exists()
