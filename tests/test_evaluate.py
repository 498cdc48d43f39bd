"""Folders of NIfTI to scores, with hand-made answers."""

import csv
import json
import math
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from medse.errors import InputError
from medse.evaluate import evaluate
from medse.labels import Labels
from medse.metrics.scores import read_scores

LABELS = Labels(("core", "rim"), (1, 4))
AFFINE = np.diag([0.5, 2.0, 3.0, 1.0])  # 3 mm3 per voxel


def save(path, array, affine=AFFINE):
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(np.asarray(array, dtype=np.uint8), affine), path)


def cube(*starts, value=1, shape=(8, 8, 8)):
    array = np.zeros(shape, np.uint8)
    for x, y, z in starts:
        array[x : x + 2, y : y + 2, z : z + 2] = value
    return array


@pytest.fixture
def folders(tmp_path):
    """Case a: half of ``core`` found, ``rim`` missed. Case b: ``core`` perfect, ``rim`` in neither."""
    references, predictions = tmp_path / "references", tmp_path / "predictions"
    save(references / "a.nii.gz", cube((0, 0, 0)) + cube((4, 4, 4), value=4))
    save(predictions / "a.nii.gz", cube((1, 0, 0)))
    save(references / "b.nii.gz", cube((2, 2, 2)))
    save(predictions / "b.nii.gz", cube((2, 2, 2))[..., None])  # as other tools write it: a trailing axis
    return references, predictions, tmp_path / "out"


def test_scores_by_hand(folders):
    scores = evaluate(*folders, LABELS)
    found = {(row.case, row.label): row for row in scores.rows}
    assert found["a", "core"].dice == 0.5
    assert found["a", "core"].iou == pytest.approx(1 / 3)
    assert found["a", "core"].volume_reference_ml == pytest.approx(0.024)
    assert (found["a", "rim"].dice, found["a", "rim"].value) == (0.0, 4)
    assert found["b", "core"].dice == 1.0
    assert math.isnan(found["b", "rim"].dice)
    assert scores.summaries.mean_dice.mean == pytest.approx((0.25 + 1.0) / 2)
    core, rim = scores.summaries.classes
    assert (core.dice.n, core.dice.mean) == (2, 0.75)
    assert (rim.dice.n, rim.ledger.missed, rim.ledger.both_empty) == (1, 1, 1)


def test_files_hold_the_same_scores(folders):
    scores = evaluate(*folders, LABELS)
    np.testing.assert_equal(read_scores(folders[2]).model_dump(), scores.model_dump())
    with (folders[2] / "scores.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["case"], row["label"], row["dice"]) for row in rows] == [
        ("a", "core", "0.5"),
        ("a", "rim", "0.0"),
        ("b", "core", "1.0"),
        ("b", "rim", "nan"),
    ]
    assert {row["hd95_mm"] for row in rows} == {""}


def test_summary_says_how_and_nothing_about_the_machine(folders):
    evaluate(*folders, LABELS)
    text = (folders[2] / "scores.json").read_text()
    content = json.loads(text)
    assert content["convention"] == "medse"
    assert content["versions"]["numpy"] == np.__version__
    assert {"python", "medse", "scipy", "nibabel"} <= set(content["versions"])
    assert content["settings"]["references"] == "references"
    assert str(folders[0].parent) not in text
    assert str(folders[0].parent.name) not in text


def test_volume_of_a_sheared_grid(tmp_path):
    sheared = AFFINE.copy()
    sheared[0, 1] = 0.4  # the second axis leans; its step in y stays 2 mm, so a voxel still has 3 mm3
    save(tmp_path / "r.nii", cube((0, 0, 0)), sheared)
    scores = evaluate(tmp_path / "r.nii", tmp_path / "r.nii", tmp_path / "out")
    assert scores.rows[0].volume_reference_ml == pytest.approx(0.024)


def test_classes_without_names(folders):
    scores = evaluate(*folders)
    assert [(entry.label, entry.value) for entry in scores.summaries.classes] == [("1", 1), ("4", 4)]
    assert not scores.settings.labels_given


def test_cases_restrict(folders):
    (folders[1] / "a.nii.gz").unlink()
    chosen = folders[0].parent / "validation_cases.txt"
    chosen.write_text("b\n")
    scores = evaluate(*folders, LABELS, chosen)
    assert {row.case for row in scores.rows} == {"b"}
    assert len(scores.rows) == 2
    assert scores.settings.cases_file == "validation_cases.txt"


def test_two_single_files(folders):
    scores = evaluate(folders[0] / "a.nii.gz", folders[1] / "a.nii.gz", folders[2], LABELS)
    assert scores.summaries.cases == 1
    assert math.isnan(scores.summaries.mean_dice.low_95)


def refused(folders, said, labels=LABELS):
    with pytest.raises(InputError) as caught:
        evaluate(*folders, labels)
    message = str(caught.value)
    assert all(part in message for part in said), message
    assert not folders[2].exists()


def test_missing_prediction_is_refused(folders):
    (folders[1] / "b.nii.gz").unlink()
    refused(folders, ["b.nii.gz", "1 of 2 references"])


@pytest.mark.parametrize("side", [0, 1])
def test_undeclared_value_is_refused(folders, side):
    save(folders[side] / "b.nii.gz", cube((2, 2, 2), value=9))
    refused(folders, [str(folders[side] / "b.nii.gz"), "9 (8 voxels)", "declared are 0, 1, 4"])


def test_other_shape_is_refused(folders):
    save(folders[1] / "b.nii.gz", cube((2, 2, 2), shape=(8, 8, 9)))
    refused(folders, [str(folders[0] / "b.nii.gz"), str(folders[1] / "b.nii.gz"), "(8, 8, 8) and (8, 8, 9)"])


def test_other_affine_is_refused(folders):
    save(folders[1] / "b.nii.gz", cube((2, 2, 2)), np.diag([-0.5, 2.0, 3.0, 1.0]))
    refused(folders, [str(folders[0] / "b.nii.gz"), str(folders[1] / "b.nii.gz"), "affines"])


def test_truncated_file_is_refused(folders):
    path = folders[1] / "b.nii.gz"
    path.write_bytes(path.read_bytes()[:-20])
    refused(folders, [str(path)])


def test_images_instead_of_label_maps_are_refused(tmp_path):
    array = np.arange(1728, dtype=np.int16).reshape(12, 12, 12)
    nib.save(nib.Nifti1Image(array, AFFINE), tmp_path / "image.nii")
    folders = tmp_path / "image.nii", tmp_path / "image.nii", tmp_path / "out"
    refused(folders, ["1728 different values from 0 to 1727", "--labels"], labels=None)


def test_no_label_anywhere_needs_names(tmp_path):
    save(tmp_path / "r.nii", cube())
    refused(
        (tmp_path / "r.nii", tmp_path / "r.nii", tmp_path / "out"),
        ["1 different values", "--labels"],
        labels=None,
    )


def test_existing_output_is_kept(folders):
    folders[2].mkdir()
    (folders[2] / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty; give another --out or remove it"):
        evaluate(*folders, LABELS)
    assert [path.name for path in folders[2].iterdir()] == ["precious.txt"]


def test_scoring_imports_no_deep_learning_and_no_plotting():
    heavy = ("torch", "lightning", "monai", "matplotlib", "jinja2")
    code = f"import sys, medse.evaluate; print([n for n in sys.modules if n.split('.')[0] in {heavy}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
