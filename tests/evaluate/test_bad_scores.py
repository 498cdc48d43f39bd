"""Hostile and clumsy input of ``evaluate`` and ``compare``: a sentence, and the other cases are still scored."""

import gzip
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from PIL import Image

from medse.config.scoring import read_asked
from medse.errors import InputError
from medse.evaluate import running
from medse.evaluate.cases import CaseFiles
from medse.evaluate.evaluate import evaluate_folders
from medse.labels import Labels
from medse.scores.files import check_names
from medse.scores.scores import Scores
from tests.support.commands import medse, refused

LABELS = Labels(("liver", "spleen"), (1, 2))
AFFINE = np.array([[2.0, 0, 0, -9], [0, 2, 0, 4], [0, 0, 2, 30], [0, 0, 0, 1]])


def maps(shift: int = 0) -> np.ndarray:
    """Return a cube of 4 voxels a side, shifted along the first axis, and a second class that stays."""
    array = np.zeros((10, 10, 10), np.uint8)
    array[1 + shift : 5 + shift, 2:6, 3:7] = 1
    array[8, 1:3, 8] = 2
    return array


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine, dtype=array.dtype), path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for case in "ab":
        save(tmp_path / "r" / f"{case}.nii.gz", maps())
        save(tmp_path / "p" / f"{case}.nii.gz", maps(1))
    names = {"background": 0, "liver": 1, "spleen": 2}
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": names}))
    return tmp_path


def command(root: Path, *arguments: str) -> int:
    named = ("--labels", root / "dataset.json")
    return medse("evaluate", root / "r", root / "p", "--out", root / "out", *named, *arguments)


def dice(scores: Scores) -> dict[tuple[str, str], float]:
    return {(row.case, row.label): row.dice for row in scores.rows}


def changed(
    change: Callable[[np.ndarray], np.ndarray], affine: np.ndarray = AFFINE
) -> Callable[[Path], None]:
    return lambda path: save(path, change(maps(1)), affine)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:90])


def header_only(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:352]))


def disagreeing(path: Path) -> None:
    image = nib.Nifti1Image(maps(1), AFFINE)
    image.set_qform(np.diag([-1.0, 1, 1, 1]) @ AFFINE, 1)
    image.set_sform(AFFINE, 1)
    image.to_filename(path)


def nowhere(path: Path) -> None:
    image = nib.Nifti1Image(maps(1), None)
    image.header.set_zooms((2, 2, 2))
    image.to_filename(path)


SHEAR = AFFINE + np.array([[0, 0.5, 0, 0], [0] * 4, [0] * 4, [0] * 4])
MOVED = AFFINE + np.array([[0, 0, 0, 10], [0] * 4, [0] * 4, [0] * 4])


@pytest.mark.parametrize("side", ["r", "p"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, "truncated or damaged"),
        (header_only, "smaller than its header says"),
        (lambda path: path.write_bytes(b""), "not gzip-compressed"),
        (lambda path: (path.unlink(), path.symlink_to(path)), "does not exist"),
        (changed(lambda array: array * np.float32(1.5)), r"holds 1\.5"),
        (changed(lambda array: np.where(array == 2, np.nan, array)), "holds nan"),
        (changed(lambda array: -array.astype(np.int16)), "undeclared label values: -2"),
        (changed(lambda array: array.astype(np.uint64) << np.uint64(62)), r"must be below 2\^63"),
        (changed(lambda array: np.stack([array, array], -1)), r"shape \(10, 10, 10, 2\)"),
        (changed(lambda array: array[:, :, :0]), "at least one voxel"),
        (changed(lambda array: array, SHEAR), "not at right angles"),
        (changed(lambda array: array, MOVED), "different affines"),
        (disagreeing, "disagree"),
        (nowhere, "where the patient's left is"),
    ],
)
def test_a_spoilt_file_is_named_and_the_other_case_is_scored(
    root: Path, spoil: Callable[[Path], object], said: str, side: str
) -> None:
    spoil(root / side / "b.nii.gz")
    scores = evaluate_folders(root / "r", root / "p", root / "out", LABELS)
    (case, problem), *others = scores.not_scored.items()
    assert (case, others) == ("b", [])
    assert f"{side}/b.nii.gz" in problem
    assert re.search(rf"{said}.*; .*\.$", problem), problem
    assert dice(scores) == {("a", "liver"): 0.75, ("a", "spleen"): 1.0}  # three of four planes overlap


def test_of_the_command_such_a_file_is_the_last_word(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truncated(root / "p" / "b.nii.gz")
    refused(capsys, command(root), r"Not scored: .*p/b\.nii\.gz cannot be read to its end")
    assert (root / "out" / "report.html").exists()
    assert (root / "out" / "scores.csv").read_text().count("\n") == 3


@pytest.mark.parametrize("codes", ["LAS", "LPS", "PIR", "SRA", "ILP"])
def test_the_same_place_on_other_axes_is_never_compared_voxel_by_voxel(root: Path, codes: str) -> None:
    """All lengths are equal, so that only the affine tells."""
    turn = ornt_transform(io_orientation(AFFINE), axcodes2ornt(tuple(codes)))
    nib.Nifti1Image(maps(1), AFFINE).as_reoriented(turn).to_filename(root / "p" / "b.nii.gz")
    plain = evaluate_folders(root / "r", root / "p", root / "plain", LABELS)
    assert re.search(r"p/b\.nii\.gz have different affines", plain.not_scored["b"])
    assert {case for case, _ in dice(plain)} == {"a"}
    found = evaluate_folders(root / "r", root / "p", root / "resampled", LABELS, resample=True)
    assert (dice(found)["b", "liver"], dice(found)["b", "spleen"]) == (0.75, 1.0)
    assert found.settings.resampled == ("b",)


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("evaluation.classes=[]", "1 or more values"),
        ("evaluation.classes=[liver, liver]", "'liver' twice"),
        ("evaluation.lesions=[liver, liver]", "'liver' twice"),
        ("evaluation.merged={both: []}", "1 or more values"),
        ("evaluation.merged={both: [both]}", "does not exist"),
        ('evaluation.merged={"": [liver]}', "cannot stand in a table"),
        ('evaluation.merged={"a\\tb": [liver]}', "cannot stand in a table"),
        ("evaluation.beside=[monai, monai]", "'monai' twice"),
        ("evaluation.beside=[medse]", "beside itself"),
        ("evalution.unit=group", "changes nothing here"),
        ("data.labels={liver: 2}", "changes nothing here"),
        ("--config=CONFIG", "no section evaluation; did you mean 'evalution'"),
        ("--cases=CASES", "more than two columns"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_written(
    root: Path, argument: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "wrong.yaml").write_text("evalution: {unit: group}\n")
    (root / "cases.txt").write_text("a\tpatient\tsite\n")
    given = argument.replace("CONFIG", str(root / "wrong.yaml")).replace("CASES", str(root / "cases.txt"))
    code = command(root, given)
    message = capsys.readouterr().err
    assert code == 2
    assert said in message, message
    assert not (root / "out").exists()


def test_a_number_names_the_class_that_is_named_after_it(root: Path) -> None:
    asked = read_asked(None, ["evaluation.lesions=[1]", "evaluation.merged={all: [1, 2]}"], None)
    scores = evaluate_folders(root / "r", root / "p", root / "out", options=asked)
    assert set(dice(scores)) == {(case, label) for case in "ab" for label in ("1", "2", "all")}
    assert dice(scores)["a", "all"] == 2 * (48 + 2) / (2 * 66)
    assert len(scores.lesions) == 4


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a\tb", "a\u2028b", "a\udcffb", "\x00", " ", ""])
def test_names_that_would_break_a_table(name: str) -> None:
    with pytest.raises(InputError, match=r"The case .* cannot stand in a table; .*; .*\.$"):
        check_names(["fine", name], "case")
    check_names(["ü肝", "<b>", "患者\u30001", "a,b", "=1+1", "'\""], "case")


def test_a_case_that_would_break_a_table_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side in "rp":
        (root / side / "b.nii.gz").rename(root / side / "b\rc.nii.gz")
    refused(capsys, command(root), r"The case 'b\\rc' cannot stand in a table")


def test_predictions_under_other_names_are_both_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "p" / "b.nii.gz").rename(root / "p" / "b_0000.nii.gz")
    said = (
        r"no prediction for 1 of 2 references: b\.nii\.gz \(but 1 .* without a reference: b_0000\.nii\.gz\)"
    )
    refused(capsys, command(root), said)


def test_nobody_is_told_to_resample_a_picture(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for side, shape in (("r", (6, 8)), ("p", (8, 6))):
        shutil.rmtree(root / side)
        (root / side).mkdir()
        Image.fromarray(np.ones(shape, np.uint8)).save(root / side / "a.png")
    refused(capsys, command(root), r"different shapes.*; save .*p/a\.png again on that of .*r/a\.png\.$")


def ended(files: CaseFiles) -> str:
    if files.case != "a":
        os._exit(9)
    return files.case


def test_a_process_that_the_system_ends_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "WORTH_SECONDS", 0.0)
    cases = [CaseFiles(name, Path(name), None) for name in "abc"]
    with pytest.raises(InputError, match=r"2 processes .* ended by the system.*; .*--processes\.$"):
        list(running.each_case(ended, cases, 2))


@pytest.mark.parametrize(
    ("name", "spoil", "said"),
    [
        ("x", lambda folder: (folder / "scores.json").write_text("[" * 100_000), "recursion"),
        ("x", lambda folder: (folder / "scores.json").write_text("null"), "cannot be read"),
        ("x", lambda folder: (folder / "scores.csv").write_text(""), r"\(0 rows where 2 cases and 2 classes"),
        ("x", lambda folder: (folder / "scores.csv").write_bytes(b"\xff\xfe"), "cannot be read"),
        ("x\ny", lambda _folder: None, "The model .* cannot stand in a table"),
        ("x\udcff", lambda _folder: None, "The model .* cannot stand in a table"),
    ],
)
def test_what_cannot_be_compared(
    root: Path, name: str, spoil: Callable[[Path], object], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate_folders(root / "r", root / "p", root / "out", LABELS)
    shutil.copytree(root / "out", root / "other")
    spoil(root / "other")
    models = (f"first={root / 'out'}", f"{name}={root / 'other'}")
    refused(capsys, medse("compare", *models, "--out", root / "compared"), said)
    assert not (root / "compared").exists()
