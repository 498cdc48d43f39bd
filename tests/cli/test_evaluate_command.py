"""``medse evaluate`` as it is called: options, files, exit code and what is said."""

import csv
import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.support.commands import medse

SPACING = (1.0, 2.0, 3.0)


def save(path: Path, *boxes: tuple[int, slice], affine: np.ndarray | None = None) -> None:
    """Write a map with a box of each value along the first axis."""
    array = np.zeros((14, 12, 10), np.uint8)
    for value, where in boxes:
        array[where, 3:9, 2:8] = value
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, np.diag([*SPACING, 1.0]) if affine is None else affine), path)


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """Two cases of the classes liver and spleen below a folder that names a patient, and names of the classes."""
    folder = tmp_path / "Jane_Doe_1970"
    for case, shift in (("a", 0), ("b", 1)):
        save(folder / "labels" / f"{case}.nii.gz", (1, slice(1, 5)), (2, slice(8, 12)))
        save(folder / "found" / f"{case}.nii.gz", (1, slice(1 + shift, 5 + shift)), (2, slice(8, 12)))
    (folder / "dataset.json").write_text(json.dumps({"labels": {"background": 0, "liver": 1, "spleen": 2}}))
    return folder


def evaluate(folder: Path, *arguments: object, out: str = "out") -> int:
    return medse(
        "evaluate", folder / "labels", folder / "found", "--labels", folder / "dataset.json",
        "--out", folder / out, "--processes", 1, *arguments,
    )  # fmt: skip


def rows(folder: Path, name: str = "scores.csv", out: str = "out") -> list[dict[str, str]]:
    with (folder / out / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_tables_and_page(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["evaluation.tolerance_mm=1", "evaluation.lesions=[spleen]", "--conventions", "all"]
    assert evaluate(patient, *options) == 0
    assert {path.name for path in (patient / "out").iterdir()} == {
        "scores.csv", "scores.json", "details.csv", "lesions.csv", "conventions.csv", "report.html",
        "table.tex", "table.md",
    }  # fmt: skip
    said = capsys.readouterr()
    assert "liver" in said.out
    assert "report.html" in said.out.replace("\n", "")
    assert said.err == ""
    found = {(row["case"], row["label"]): row for row in rows(patient)}
    liver = found["b", "liver"]
    assert (liver["dice"], liver["hd_mm"], liver["nsd"], liver["value"]) == ("0.75", "1.0", "1.0", "1")
    assert float(liver["volume_reference_ml"]) == pytest.approx(4 * 6 * 6 * 6 / 1000)
    assert {row["convention"] for row in rows(patient, "conventions.csv")} == {
        "nnunet", "monai", "deepmind", "medpy", "metrics_reloaded", "brats2023",
    }  # fmt: skip


def test_a_case_that_cannot_be_scored(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other is scored, the page names it, and the command ends with 2."""
    save(patient / "found" / "b.nii.gz", (9, slice(1, 5)))
    assert evaluate(patient) == 2
    said = capsys.readouterr()
    assert "Not scored: " in said.err
    assert "b.nii.gz" in said.err
    assert "Traceback" not in said.err
    assert said.err.strip().endswith(".")
    assert "Report:" in said.out
    assert {row["case"] for row in rows(patient)} == {"a"}
    assert list(json.loads((patient / "out" / "scores.json").read_text())["not_scored"]) == ["b"]
    assert "b.nii.gz" in (patient / "out" / "report.html").read_text()


def test_nothing_to_score_leaves_nothing(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for case in "ab":
        (patient / "found" / f"{case}.nii.gz").write_bytes(b"no image")
    assert evaluate(patient) == 2
    message = capsys.readouterr().err
    assert all(f"found/{case}.nii.gz" in message.replace("\n", "") for case in "ab")
    assert not (patient / "out").exists()


@pytest.mark.parametrize("shown", [False, True])
def test_no_patient_path_unless_asked(patient: Path, shown: bool) -> None:
    (patient / "found" / "b.nii.gz").write_bytes(b"no image")
    assert evaluate(patient, *["--show-paths"] * shown, "--images", patient / "labels") == 2
    written = {path.name: path.read_text(encoding="utf-8") for path in (patient / "out").iterdir()}
    for text in written.values():
        assert shown or "Jane_Doe" not in text
        assert shown or str(patient.parent) not in text
    assert (str(patient) in written["scores.json"]) == shown
    assert ("Jane_Doe" in written["report.html"]) == shown


def test_a_missing_prediction(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (patient / "found" / "b.nii.gz").unlink()
    assert evaluate(patient) == 2
    assert "--missing worst" in capsys.readouterr().err
    assert not (patient / "out").exists()
    assert evaluate(patient, "--missing", "worst") == 0
    assert [row["dice"] for row in rows(patient)] == ["1.0", "1.0", "0.0", "0.0"]
    settings = json.loads((patient / "out" / "scores.json").read_text())["settings"]
    assert settings["missing_predictions"] == ["b"]


def test_grids_are_only_changed_when_asked(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    both = "--fix-geometry", "copy-affine", "--resample-prediction"
    assert evaluate(patient, *both) == 2
    assert re.search(r"copy-affine and --resample-prediction were both given", capsys.readouterr().err)
    assert not (patient / "out").exists()
    moved = np.diag([*SPACING, 1.0])
    moved[0, 3] = 1.0
    save(patient / "found" / "b.nii.gz", (1, slice(1, 5)), (2, slice(8, 12)), affine=moved)
    assert evaluate(patient, *both[:2], out="copied") == 0
    assert evaluate(patient, both[2], out="resampled") == 0
    dice = {name: rows(patient, out=name)[2]["dice"] for name in ("copied", "resampled")}
    assert dice == {
        "copied": "1.0",
        "resampled": "0.75",
    }  # one voxel further on, which is where it says it is


def test_a_tolerance_is_one_key_with_two_ways_to_set_it(
    patient: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by_option, by_key = ["--tolerance", "1"], ["evaluation.tolerance_mm=1"]
    assert evaluate(patient, *by_option, "--convention", "medpy,medse", out="a") == 0
    assert evaluate(patient, *by_key, "--conventions", "medpy,medse", out="b") == 0
    settings = [json.loads((patient / out / "scores.json").read_text())["settings"] for out in "ab"]
    assert settings[0] == settings[1]
    assert settings[0]["tolerance_mm"] == {"liver": 1.0, "spleen": 1.0}
    assert rows(patient, out="a") == rows(patient, out="b")
    capsys.readouterr()
    assert evaluate(patient, *by_option, *by_key, out="c") == 2
    assert "tolerance_mm is set by" in capsys.readouterr().err
    assert not (patient / "c").exists()


def test_binary_masks_of_another_value(patient: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Half of the box is found: 0.5, and not 0 because one tool writes 255 where the other writes 1."""
    folders = patient / "truth", patient / "guess"
    save(folders[0] / "a.nii.gz", (1, slice(2, 6)))
    save(folders[1] / "a.nii.gz", (255, slice(4, 8)))
    assert medse("evaluate", *folders, "-o", patient / "no") == 2
    message = " ".join(capsys.readouterr().err.split())
    assert re.search(r"truth holds 1 and .*guess 255; .*--binary", message), message
    assert not (patient / "no").exists()
    assert medse("evaluate", *folders, "-o", patient / "yes", "--binary") == 0
    (row,) = rows(patient, out="yes")
    assert (row["label"], row["dice"], row["value"]) == ("foreground", "0.5", "")
    assert "read as the mask of one class" in (patient / "yes" / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tolerance", "two"], "evaluation.tolerance_mm = 'two': expected a number"),
        (["--tolerence", "2"], "No such option: --tolerence.*--tolerance"),
        (["--binary"], "--binary reads every label map as the mask of one class.*liver, spleen"),
        (["evaluation.classes=[livr]"], "'livr'.*did you mean 'liver'"),
        (["evaluation.tolerance=1"], "unknown key; did you mean 'tolerance_mm'"),
        (["--conventions", "medse,monay"], "Unknown convention 'monay'; did you mean 'monai'"),
        (["--config", "gone.yaml"], "gone.yaml does not exist"),
        (["--images", "gone"], "gone is not a folder"),
        (["--pixel-mm", "0"], "--pixel-mm is 0.0; a length above 0"),
    ],
)
def test_what_cannot_be_is_refused(
    patient: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(patient, *arguments) == 2
    message = " ".join(capsys.readouterr().err.split())
    assert message.startswith("Error: ")
    assert re.search(said, message), message
    assert not (patient / "out").exists()


def test_a_file_says_what_to_compute(patient: Path) -> None:
    config = patient / "scores.yaml"
    config.write_text("evaluation:\n  merged: {organs: [liver, spleen]}\n  distances: false\n")
    assert (
        evaluate(patient, "evaluation.classes=[organs]", "--config", config, "--conventions", "medse,medpy")
        == 0
    )
    found = rows(patient)
    assert [(row["label"], row["value"], row["hd_mm"]) for row in found] == [("organs", "", "")] * 2
    assert float(found[1]["dice"]) == pytest.approx(2 * 7 / 16)
    assert len(rows(patient, "conventions.csv")) == 2
