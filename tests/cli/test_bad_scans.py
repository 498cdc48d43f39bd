"""Scans that cannot be used: one sentence with the file and the remedy, exit code 2, nothing written."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.support.commands import SHAPE, medse, refused, scan
from tests.support.generated import AFFINE


def infinite(folder: Path) -> None:
    scan(
        folder / "scan.nii.gz", lambda image: image.get_fdata(dtype=np.float32).__setitem__((3, 3, 3), np.inf)
    )


def constant(folder: Path) -> None:
    scan(folder / "scan.nii.gz", lambda image: image.get_fdata(dtype=np.float32).fill(7))


def truncated(folder: Path) -> None:
    scan(folder / "scan.nii.gz")
    raw = (folder / "scan.nii.gz").read_bytes()
    (folder / "scan.nii.gz").write_bytes(raw[: len(raw) // 2])


def no_orientation(folder: Path) -> None:
    def change(image: nib.Nifti1Image) -> None:
        image.set_qform(AFFINE, 0)
        image.set_sform(AFFINE, 0)

    scan(folder / "scan.nii.gz", change)


# What is wrong with headers and voxels of all kinds: tests/volumes/test_refusals.py.
SCANS: dict[str, tuple[Callable[[Path], None], str]] = {
    "infinite voxels": (infinite, r"1 NaN or infinite voxel"),
    "constant image": (constant, r"constant"),
    "truncated": (truncated, r"truncated"),
    "no orientation": (no_orientation, r"left"),
}


@pytest.mark.parametrize("name", SCANS)
def test_scans(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write, pattern = SCANS[name]
    folder = tmp_path / "scans"
    folder.mkdir()
    write(folder)
    refused(capsys, medse("predict", world / "run", folder, "--out", tmp_path / "out"), pattern)
    assert not list((tmp_path / "out").rglob("*"))
    if name != "no orientation":  # an image all the same, for other runs
        refused(capsys, medse("check", folder), pattern)


def test_a_scan_is_checked_alone_and_in_its_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan(tmp_path / "in" / "scan.nii.gz")
    assert medse("check", tmp_path / "in") == 0
    found = capsys.readouterr().out
    assert medse("check", tmp_path / "in" / "scan.nii.gz") == 0
    assert capsys.readouterr().out == found
    assert "18 x 22 x 16" in found


def test_folders_in_a_folder_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["s1/ct.nii.gz", "s2/anat/mr.nii.gz"]
    for name in names:
        scan(tmp_path / name)
    (tmp_path / "s1" / "preview.png").touch()
    assert medse("check", tmp_path) == 0
    shown = capsys.readouterr().out
    assert all(f"{tmp_path / name}: 18 x 22 x 16 voxels" in shown for name in names)
    assert "Left out: 1 picture beside volumes" in shown
    (tmp_path / "empty").mkdir()
    refused(capsys, medse("check", tmp_path / "empty"), "empty and the folders in it hold no volume")


def test_output_inside_the_input(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scan(tmp_path / "in" / "scan.nii.gz")
    code = medse("predict", world / "run", tmp_path / "in", "--out", tmp_path / "in" / "out")
    refused(capsys, code, r"in/out lies in the input folder")
    assert not (tmp_path / "in" / "out").exists()
    labels = world / "set" / "labelsTr"
    refused(capsys, medse("evaluate", labels, labels, "--out", labels / "report"), r"report lies in")
    assert not (labels / "report").exists()


def test_spaces_and_other_alphabets_work(world: Path, tmp_path: Path) -> None:
    folder = tmp_path / "Köln — 頭部 scans"
    scan(folder / "Müller 01 é.nii.gz")
    out = tmp_path / "Ergebnis für α"
    assert medse("predict", world / "run", folder, "--out", out) == 0
    found = nib.load(out / "Müller 01 é.nii.gz")
    np.testing.assert_array_equal(found.affine, AFFINE)
    assert found.shape == SHAPE


def test_one_bad_scan_does_not_cost_the_others(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan(tmp_path / "in" / "a.nii.gz", lambda i: i.get_fdata(dtype=np.float32).__setitem__((0, 0, 0), np.nan))
    scan(tmp_path / "in" / "b.nii.gz")
    code = medse("predict", world / "run", tmp_path / "in", "--out", tmp_path / "out")
    refused(capsys, code, r"a\.nii\.gz")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["b.nii.gz", "prediction.json"]
    assert len(json.loads((tmp_path / "out" / "prediction.json").read_text())["refused"]) == 1


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX permissions")
def test_unreadable_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    scan(folder / "scan.nii.gz")
    assert medse("check", folder) == 0  # and everything is imported
    (folder / "scan.nii.gz").chmod(0)
    for parent in (folder, tmp_path, *tmp_path.parents[:3]):
        if parent.stat().st_uid == os.geteuid():
            parent.chmod(parent.stat().st_mode | 0o055)
    capsys.readouterr()
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)  # root may read everything
    try:
        code = medse("check", folder)
    finally:
        os.seteuid(before)
    refused(capsys, code, r"scan\.nii\.gz may not be read")


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX resource limits")
def test_a_full_disk(world: Path, tmp_path: Path) -> None:
    """A file size limit makes writing fail as a full disk does, without the rights to mount one."""
    import resource
    import signal

    random = np.random.default_rng(0).integers(0, 2, (64, 64, 64)).astype(np.float32)
    nib.save(nib.Nifti1Image(random, AFFINE), tmp_path / "scan.nii.gz")

    def no_space() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    command = ["predict", world / "run", tmp_path / "scan.nii.gz", "--out", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-m", "medse", *command],
        capture_output=True,
        text=True,
        preexec_fn=no_space,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert "scan.nii.gz" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").iterdir())
