"""Terminals that are no developer's: of another encoding, closed, full, or made to obey the name of a file."""

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medse.cli.terminal import say
from tests.support.commands import medse, scan

ENCODINGS = ["ascii", "cp932", "latin-1"]


def console(monkeypatch: pytest.MonkeyPatch, encoding: str) -> io.BytesIO:
    """Put both streams on a terminal of an encoding, which refuses what it does not have, as Python's do."""
    raw = io.BytesIO()
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(sys, stream, io.TextIOWrapper(raw, encoding, errors="strict", write_through=True))
    return raw


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", [("net",), ("attention", "scse"), ("check", "müller-肝.nii.gz")])
def test_what_it_cannot_show_is_escaped(
    arguments: tuple[str, ...], encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scan(tmp_path / "müller-肝.nii.gz")
    shown = console(monkeypatch, encoding)
    assert medse(*arguments) == 0
    text = shown.getvalue().decode(encoding)
    assert {"net": "unet", "attention": "scse", "check": "ller-"}[arguments[0]] in text
    assert "─" not in text


def test_every_scan_is_segmented_whatever_it_is_called(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["c-müller".encode(), "d-肝".encode()]
    source = nib.load(world / "set" / "imagesTr" / "ball_0.nii.gz")
    (tmp_path / "in").mkdir()
    for name in names:
        nib.save(source, tmp_path / "in" / f"{os.fsdecode(name)}.nii.gz")
    shown = console(monkeypatch, "ascii")
    assert medse("predict", world / "run", tmp_path / "in", "--out", tmp_path / "out", "--device", "cpu") == 0
    written = sorted(os.fsencode(path.name) for path in (tmp_path / "out").glob("*.nii.gz"))
    assert written == [name + b".nii.gz" for name in names]
    assert rb"c-m\xfcller.nii.gz" in shown.getvalue()
    assert (
        json.loads((tmp_path / "out" / "prediction.json").read_text(encoding="utf-8"))["weights"] == "final"
    )


def test_a_name_that_is_no_utf_8_is_refused_in_letters_that_can_be_shown(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    source = nib.load(world / "set" / "imagesTr" / "ball_0.nii.gz")
    nib.save(source, tmp_path / "in" / os.fsdecode(b"b-m\xfcller.nii.gz"))
    shown = console(monkeypatch, "ascii")
    assert medse("predict", world / "run", tmp_path / "in", "--out", tmp_path / "out", "--device", "cpu") == 2
    assert b"cannot name a file" in shown.getvalue()


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """References and predictions of a class with an umlaut."""
    for name in ("labels", os.fsdecode(b"m\xfcller")):
        (tmp_path / name).mkdir()
        nib.save(nib.Nifti1Image(np.ones((6, 6, 6), np.uint8), np.eye(4)), tmp_path / name / "a.nii.gz")
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"Ödem": 1}}), encoding="utf-8")
    return tmp_path


def evaluate(folders: Path, found: str = "labels") -> int:
    return medse(
        "evaluate", folders / "labels", folders / found, "--labels", folders / "dataset.json",
        "--out", folders / "out", "--processes", 1,
    )  # fmt: skip


def test_a_class_that_it_cannot_show(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = console(monkeypatch, "ascii")
    assert evaluate(folders) == 0
    assert rb"\xd6dem" in shown.getvalue()
    assert "Ödem" in (folders / "out" / "report.html").read_text(encoding="utf-8")
    assert "Ödem" in (folders / "out" / "table.md").read_text(encoding="utf-8")


def test_folders_whose_names_are_no_utf8_are_scored(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(folders, os.fsdecode(b"m\xfcller")) == 0, capsys.readouterr().err
    assert (folders / "out" / "report.html").is_file()


def test_the_report_is_written_before_anything_is_printed(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, _data: Any) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Full(), 1), write_through=True))
    assert evaluate(folders) == 2
    assert {"report.html", "scores.csv", "table.tex"} <= {path.name for path in (folders / "out").iterdir()}
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    say("")  # what could not be printed waits in the console


def test_a_pipe_that_is_closed_ends_quietly() -> None:
    for command in (["schema"], ["--help"]):
        done = subprocess.run(
            f"{sys.executable} -m medse {' '.join(command)} | head -1",
            shell=True, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        assert len(done.stdout.splitlines()) == 1


def test_work_goes_on_when_nobody_reads_what_is_printed(world: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        f"set -o pipefail; {sys.executable} -m medse check {world}/set/imagesTr/*.nii.gz | true",
        shell=True, executable="/bin/bash", capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_names_are_printed_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    say("case:smile:[bold]x[/bold]\u202egz.iin")
    assert capsys.readouterr().out == "case:smile:[bold]x[/bold]\\u202egz.iin\n"
