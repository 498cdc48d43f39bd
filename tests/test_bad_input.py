"""What cannot be used ends in one sentence that names the file and the remedy, exit code 2, and nothing written."""

import gzip
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from conftest import AFFINE, TINY, write_case
from PIL import Image

from medse import cli

SHAPE = (18, 22, 16)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, its configuration and a short run."""
    folder = tmp_path_factory.mktemp("world")
    root = folder / "set"
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir(parents=True)
    names = [f"ball_{i}" for i in range(4)]
    for seed, name in enumerate(names):
        write_case(root, name, seed)
    content = {
        "modality": {"0": "MR"},
        "labels": {"0": "background", "3": "bright", "7": "dim"},
        "training": [{"image": f"imagesTr/{n}.nii.gz", "label": f"labelsTr/{n}.nii.gz"} for n in names],
    }
    (root / "dataset.json").write_text(json.dumps(content))
    config = folder / "tiny.yaml"
    config.write_text(TINY.format(root=root).replace("max_epochs: 2", "max_epochs: 1"))
    assert medse("train", config, "--run", folder / "run") == 0
    return folder


def medse(*arguments: object) -> int:
    """Run the command line in this process and return its exit code."""
    before = sys.argv
    sys.argv = ["medse", *map(str, arguments)]
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.argv = before
    return 0


def scan(path: Path, change: Callable[[nib.Nifti1Image], object] = lambda _image: None) -> None:
    """Write a usable scan, changed before it is saved."""
    values = np.random.default_rng(0).normal(50, 10, SHAPE).astype(np.float32)
    image = nib.Nifti1Image(values, AFFINE)
    change(image)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)


def patched(offset: int, form: str, *values: float) -> Callable[[Path], None]:
    """Return a writer of a scan with values of its header overwritten."""

    def write(folder: Path) -> None:
        scan(folder / "scan.nii")
        raw = bytearray((folder / "scan.nii").read_bytes())
        struct.pack_into(form, raw, offset, *values)
        (folder / "scan.nii").write_bytes(raw)

    return write


def infinite(folder: Path) -> None:
    scan(
        folder / "scan.nii.gz", lambda image: image.get_fdata(dtype=np.float32).__setitem__((3, 3, 3), np.inf)
    )


def not_a_number(folder: Path) -> None:
    scan(
        folder / "scan.nii.gz", lambda image: image.get_fdata(dtype=np.float32).__setitem__((3, 3, 3), np.nan)
    )


def constant(folder: Path) -> None:
    scan(folder / "scan.nii.gz", lambda image: image.get_fdata(dtype=np.float32).fill(7))


def header_without_data(folder: Path) -> None:
    scan(folder / "scan.nii")
    (folder / "scan.nii").write_bytes((folder / "scan.nii").read_bytes()[:352])


def truncated(folder: Path) -> None:
    scan(folder / "scan.nii.gz")
    raw = (folder / "scan.nii.gz").read_bytes()
    (folder / "scan.nii.gz").write_bytes(raw[: len(raw) // 2])


def pair_without_data(folder: Path) -> None:
    image = nib.Nifti1Pair(np.ones(SHAPE, np.float32), AFFINE)
    folder.mkdir(parents=True, exist_ok=True)
    nib.save(image, folder / "scan.hdr")
    (folder / "scan.img").unlink()


def four_dimensional(folder: Path) -> None:
    nib.save(
        nib.Nifti1Image(np.random.default_rng(0).random((*SHAPE, 5), np.float32), AFFINE),
        folder / "scan.nii.gz",
    )


def colours(folder: Path) -> None:
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    nib.save(nib.Nifti1Image(np.zeros(SHAPE, kind), AFFINE), folder / "scan.nii.gz")


def disagreeing_forms(folder: Path) -> None:
    def change(image: nib.Nifti1Image) -> None:
        image.set_qform(np.diag([1.0, 1, 1, 1]), 1)
        image.set_sform(AFFINE, 1)

    scan(folder / "scan.nii.gz", change)


def no_orientation(folder: Path) -> None:
    def change(image: nib.Nifti1Image) -> None:
        image.set_qform(AFFINE, 0)
        image.set_sform(AFFINE, 0)

    scan(folder / "scan.nii.gz", change)


def sheared(folder: Path) -> None:
    affine = AFFINE.copy()
    affine[0, 1] = 0.4
    nib.save(
        nib.Nifti1Image(np.random.default_rng(0).random(SHAPE, np.float32), affine), folder / "scan.nii.gz"
    )


def twice(folder: Path) -> None:
    scan(folder / "scan.nii")
    scan(folder / "scan.nii.gz")


def bomb(folder: Path) -> None:
    """A header that promises a terabyte."""
    patched(40, "<8h", 3, 8000, 8000, 8000, 1, 1, 1, 1)(folder)
    raw = (folder / "scan.nii").read_bytes()
    (folder / "scan.nii").unlink()
    (folder / "scan.nii.gz").write_bytes(gzip.compress(raw))


SCANS: dict[str, tuple[Callable[[Path], None], str]] = {
    "infinite voxels": (infinite, r"1 NaN or infinite voxel"),
    "NaN voxels": (not_a_number, r"1 NaN or infinite voxel"),
    "constant image": (constant, r"constant"),
    "header without data": (header_without_data, r"scan\.nii.*\b(bytes|voxels)\b"),
    "truncated": (truncated, r"truncated"),
    "pair without data": (pair_without_data, r"scan\.(hdr|img)"),
    "4-D volume": (four_dimensional, r"\(18, 22, 16, 5\).*split"),
    "colours": (colours, r"colour|RGB"),
    "zero-sized axis": (patched(40, "<8h", 3, 18, 0, 16, 1, 1, 1, 1), r"axis|shape"),
    "negative axis": (patched(40, "<8h", 3, 18, -22, 16, 1, 1, 1, 1), r"axis|shape"),
    "zero spacing": (patched(80, "<3f", 1, 0, 1), r"spacing"),
    "negative spacing": (patched(80, "<3f", 1, 1, -1), r"spacing"),
    "NaN spacing": (patched(80, "<3f", 1, float("nan"), 1), r"spacing"),
    "metres": (patched(123, "<B", 1), r"scan\.nii"),
    "terabyte": (bomb, r"scan\.nii\.gz"),
    "qform and sform disagree": (disagreeing_forms, r"qform.*sform|sform.*qform"),
    "no orientation": (no_orientation, r"left"),
    "sheared": (sheared, r"medse resample"),
    "duplicate case id": (twice, r"scan\.nii and .*scan\.nii\.gz have the same case id 'scan'"),
    "empty folder": (lambda folder: folder.mkdir(exist_ok=True), r"holds no"),
}


def refused(capsys: pytest.CaptureFixture[str], code: int, pattern: str, lines: int = 1) -> None:
    message = capsys.readouterr().err.strip()
    assert code == 2, message
    assert len(message.splitlines()) == lines, message
    assert "Traceback" not in message
    import re

    assert re.search(pattern, message), message
    assert message.startswith("Error: ")
    assert message.endswith("."), message
    assert ";" in message, message


@pytest.mark.parametrize("name", SCANS)
def test_scans(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    write, pattern = SCANS[name]
    folder = tmp_path / "scans"
    folder.mkdir()
    write(folder)
    refused(capsys, medse("predict", world / "run", folder, "--out", tmp_path / "out"), pattern)
    assert not list((tmp_path / "out").rglob("*")) if (tmp_path / "out").exists() else True
    if name not in ("no orientation", "4-D volume"):  # images all the same, for other runs
        refused(capsys, medse("check", folder), pattern)


def test_two_channels(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = np.random.default_rng(0).random((*SHAPE, 2), np.float32)
    nib.save(nib.Nifti1Image(stack, AFFINE), tmp_path / "scan.nii.gz")
    code = medse("predict", world / "run", tmp_path / "scan.nii.gz", "--out", tmp_path / "out")
    refused(capsys, code, r"scan\.nii\.gz.*2")


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


def changed_set(
    world: Path, tmp_path: Path, case: str, change: Callable[[nib.Nifti1Image], nib.Nifti1Image]
) -> Path:
    root = tmp_path / "set"
    shutil.copytree(world / "set", root)
    nib.save(change(nib.load(root / case)), root / case)
    return root


def half(image: nib.Nifti1Image) -> nib.Nifti1Image:
    return nib.Nifti1Image(np.asarray(image.dataobj).astype(np.float32) * 0.5, image.affine)


def undeclared(image: nib.Nifti1Image) -> nib.Nifti1Image:
    array = np.array(image.dataobj)
    array[0, 0, :2] = 42
    return nib.Nifti1Image(array, image.affine)


def shifted(image: nib.Nifti1Image) -> nib.Nifti1Image:
    affine = image.affine.copy()
    affine[0, 3] += 0.01
    return nib.Nifti1Image(np.asarray(image.dataobj), affine)


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (half, r"labelsTr/ball_2\.nii\.gz.*1\.5"),
        (undeclared, r"labelsTr/ball_2\.nii\.gz.*42 \(2 voxels\)"),
        (shifted, r"ball_2\.nii\.gz.*affine.*copy-affine"),
    ],
)
def test_labels(
    world: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[..., nib.Nifti1Image],
    pattern: str,
) -> None:
    root = changed_set(world, tmp_path, "labelsTr/ball_2.nii.gz", change)
    refused(capsys, medse("check", world / "tiny.yaml", f"data.root={root}"), pattern)
    run = tmp_path / "run"
    refused(capsys, medse("train", world / "tiny.yaml", f"data.root={root}", "--run", run), pattern)
    assert not run.exists()


def test_copied_affines_are_explicit_and_recorded(world: Path, tmp_path: Path) -> None:
    root = changed_set(world, tmp_path, "labelsTr/ball_2.nii.gz", shifted)
    config, run = world / "tiny.yaml", tmp_path / "run"
    assert medse("train", config, f"data.root={root}", "--run", run, "--fix-geometry", "copy-affine") == 0
    assert json.loads((run / "provenance.json").read_text())["geometry_fixed"] == ["ball_2"]
    labels = world / "set" / "labelsTr"
    arguments = ("evaluate", labels, root / "labelsTr", "--out")
    assert medse(*arguments, tmp_path / "strict") == 2
    assert medse(*arguments, tmp_path / "fixed", "--fix-geometry", "copy-affine") == 0
    settings = json.loads((tmp_path / "fixed" / "scores.json").read_text())["settings"]
    assert settings["geometry_fixed"] == ["ball_2"]
    assert "ball_2" in (tmp_path / "fixed" / "report.html").read_text()


def table(tmp_path: Path, rows: str, masks: dict[str, Image.Image]) -> list[str]:
    """Write a CSV data set of pictures and return what changes ``tiny.yaml`` to it."""
    root = tmp_path / "pictures"
    root.mkdir()
    for name, mask in masks.items():
        pixels = np.random.default_rng(0).integers(0, 255, (20, 24), np.uint8)
        Image.fromarray(pixels).save(root / f"{name}.png")
        mask.save(root / f"{name}_mask.png")
    (root / "cases.csv").write_text(rows)
    return [f"data.root={root}", "data.format=csv", "data.patch_size=[16, 16]"]


def square(mode: str = "L") -> Image.Image:
    pixels = np.zeros((20, 24), np.uint8)
    pixels[5:12, 6:14] = 1
    return Image.fromarray(pixels).convert(mode)


def config_with_labels(world: Path, tmp_path: Path) -> Path:
    path = tmp_path / "pictures.yaml"
    text = (world / "tiny.yaml").read_text()
    path.write_text(text.replace("  folds: 2\n", "  folds: 2\n  labels:\n    square: 1\n"))
    return path


def png16(path: Path) -> None:
    """Write a 16-bit RGB PNG, which few libraries can."""
    import zlib

    rows = b"".join(b"\0" + bytes(24 * 6) for _ in range(20))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 24, 20, 16, 2, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


ROWS = "image,label,group\na.png,a_mask.png,p1\nb.png,b_mask.png,p2\n"


def test_pictures_train_and_predict(world: Path, tmp_path: Path) -> None:
    changes = table(tmp_path, ROWS, {"a": square(), "b": square("P")})
    config = config_with_labels(world, tmp_path)
    assert medse("check", config, *changes) == 0
    assert medse("train", config, *changes, "--run", tmp_path / "run") == 0
    assert medse("predict", tmp_path / "run", tmp_path / "pictures" / "a.png", "--out", tmp_path / "out") == 0
    found = Image.open(tmp_path / "out" / "a.png")
    assert (found.size, found.mode) == ((24, 20), "L")
    assert medse("predict", world / "run", tmp_path / "pictures" / "a.png", "--out", tmp_path / "no") == 2


def test_coloured_masks(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changes = table(tmp_path, ROWS, {"a": square(), "b": square("RGB")})
    config = config_with_labels(world, tmp_path)
    refused(capsys, medse("check", config, *changes), r"b_mask\.png.*colour")
    png16(tmp_path / "pictures" / "b_mask.png")
    refused(capsys, medse("check", config, *changes), r"b_mask\.png.*colour")


def test_a_group_in_two_folds(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "image,label,group,split\na.png,a_mask.png,p1,0\nb.png,b_mask.png,p1,1\n"
    changes = table(tmp_path, rows, {"a": square(), "b": square()})
    code = medse("train", config_with_labels(world, tmp_path), *changes, "--run", tmp_path / "run")
    refused(capsys, code, r"p1")
    assert not (tmp_path / "run").exists()


def test_label_without_image(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "folders"
    (root / "images").mkdir(parents=True)
    (root / "labels").mkdir()
    for name in ("ball_0", "ball_1"):
        shutil.copy(world / "set" / "imagesTr" / f"{name}.nii.gz", root / "images")
        shutil.copy(world / "set" / "labelsTr" / f"{name}.nii.gz", root / "labels")
    (root / "images" / "ball_1.nii.gz").unlink()
    config = tmp_path / "folders.yaml"
    text = (world / "tiny.yaml").read_text()
    config.write_text(text.replace("  folds: 2\n", "  folds: 2\n  labels: {bright: 3, dim: 7}\n"))
    code = medse("check", config, f"data.root={root}", "data.format=folders")
    refused(capsys, code, r"labels/ball_1\.nii\.gz")


def test_swapped_sides_are_named(world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def swap(image: nib.Nifti1Image) -> nib.Nifti1Image:
        array = np.asarray(image.dataobj)
        return nib.Nifti1Image(
            np.choose(np.searchsorted([0, 3, 7], array), [0, 7, 3]).astype(np.uint8), image.affine
        )

    root = changed_set(world, tmp_path, "labelsTr/ball_2.nii.gz", swap)
    content = json.loads((root / "dataset.json").read_text())
    content["labels"] = {"0": "background", "3": "right_ball", "7": "left_ball"}
    (root / "dataset.json").write_text(json.dumps(content))
    overrides = [f"data.root={root}", "trainer.augmentation.mirror_axes=[1]"]
    refused(capsys, medse("check", world / "tiny.yaml", *overrides), r"ball_2.*left_ball")


def limited(command: list[object], before: Callable[[], None]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "medse", *map(str, command)],
        capture_output=True,
        text=True,
        preexec_fn=before,
        timeout=120,
    )


@pytest.mark.skipif(not hasattr(os, "seteuid"), reason="needs POSIX permissions")
def test_unreadable_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "in"
    scan(folder / "scan.nii.gz")
    assert medse("check", folder) == 0  # and everything is imported
    (folder / "scan.nii.gz").chmod(0)
    for parent in (folder, tmp_path, *tmp_path.parents[:2]):
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

    done = limited(["predict", world / "run", tmp_path / "scan.nii.gz", "--out", tmp_path / "out"], no_space)
    assert done.returncode == 2, done.stderr
    assert "scan.nii.gz" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "out").iterdir())
