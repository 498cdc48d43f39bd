"""Folders of label maps to scores, with hand-made answers."""

import csv
import json
import math
import re
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation
from sklearn.metrics import f1_score, precision_score

from medse.config.sections import Evaluation
from medse.errors import InputError
from medse.evaluate.evaluate import evaluate_folders
from medse.labels import Labels
from medse.scores.files import read_scores

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
    """Case a: half of ``core`` found, ``rim`` a false negative. Case b: ``core`` perfect, ``rim`` in neither."""
    references, predictions = tmp_path / "references", tmp_path / "predictions"
    save(references / "a.nii.gz", cube((0, 0, 0)) + cube((4, 4, 4), value=4))
    save(predictions / "a.nii.gz", cube((1, 0, 0)))
    save(references / "b.nii.gz", cube((2, 2, 2)))
    save(predictions / "b.nii.gz", cube((2, 2, 2))[..., None])  # as other tools write it: a trailing axis
    return references, predictions, tmp_path / "out"


def test_scores_by_hand(folders):
    scores = evaluate_folders(*folders, LABELS)
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
    assert (rim.dice.n, rim.empty_masks.false_negatives, rim.empty_masks.both_empty) == (1, 1, 1)


def test_files_hold_the_same_scores(folders):
    scores = evaluate_folders(*folders, LABELS)
    np.testing.assert_equal(read_scores(folders[2]).model_dump(), scores.model_dump())
    with (folders[2] / "scores.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["case"], row["label"], row["dice"]) for row in rows] == [
        ("a", "core", "0.5"),
        ("a", "rim", "0.0"),
        ("b", "core", "1.0"),
        ("b", "rim", "nan"),
    ]
    assert {row["nsd"] for row in rows} == {""}  # there is no tolerance
    assert [row["label"] for row in rows if row["hd95_mm"] == "nan"] == ["rim"]


def test_summary_says_how_and_nothing_about_the_machine(folders):
    evaluate_folders(*folders, LABELS)
    text = (folders[2] / "scores.json").read_text()
    content = json.loads(text)
    assert content["convention"] == "medse"
    assert content["versions"]["numpy"] == np.__version__
    assert {"python", "medse", "scipy", "nibabel"} <= set(content["versions"])
    assert content["settings"]["references"] == "references"
    assert str(folders[0].parent) not in text
    assert str(folders[0].parent.name) not in text


def test_volume_of_an_oblique_grid(tmp_path):
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", (20, -35, 50), degrees=True).as_matrix()
    save(tmp_path / "r.nii", cube((0, 0, 0)), turn @ AFFINE)
    scores = evaluate_folders(tmp_path / "r.nii", tmp_path / "r.nii", tmp_path / "out")
    assert scores.rows[0].volume_reference_ml == pytest.approx(0.024)


def test_classes_without_names(folders):
    scores = evaluate_folders(*folders)
    assert [(entry.label, entry.value) for entry in scores.summaries.classes] == [("1", 1), ("4", 4)]
    assert scores.settings.labels is None


def test_cases_restrict(folders):
    (folders[1] / "a.nii.gz").unlink()
    chosen = folders[0].parent / "validation_cases.txt"
    chosen.write_text("b\n")
    scores = evaluate_folders(*folders, LABELS, chosen)
    assert {row.case for row in scores.rows} == {"b"}
    assert len(scores.rows) == 2
    assert scores.settings.cases_file == "validation_cases.txt"


def refused(folders, said, labels=LABELS, **options):
    with pytest.raises(InputError) as caught:
        evaluate_folders(*folders, labels, **options)
    message = str(caught.value)
    assert all(part in message for part in said), message
    assert not folders[2].exists()


def test_no_label_anywhere_needs_names(tmp_path):
    save(tmp_path / "r.nii", cube())
    refused(
        (tmp_path / "r.nii", tmp_path / "r.nii", tmp_path / "out"),
        ["0 different values other than 0", "--labels"],
        labels=None,
    )


MERGED = Labels.from_mapping({"background": [0, 9], "b": [5, 2, 3], "a": 1, "ignore": [255, 254]}, "test")


def merged_pair(tmp_path):
    """Random maps of all declared values; the prediction ignores some of what the reference ignores."""
    rng = np.random.default_rng(0)
    reference, prediction = rng.choice([0, 9, 5, 2, 3, 1], (2, 12, 11, 10)).astype(np.uint8)
    ignored = rng.random(reference.shape) < 0.2
    reference[ignored] = rng.choice([254, 255], ignored.sum())
    prediction[ignored & (rng.random(ignored.shape) < 0.3)] = 255
    save(tmp_path / "r" / "a.nii", reference)
    save(tmp_path / "p" / "a.nii", prediction)
    return reference, prediction, ~ignored


def test_merged_and_ignored_values_on_both_sides(tmp_path):
    reference, prediction, kept = merged_pair(tmp_path)
    scores = evaluate_folders(tmp_path / "r", tmp_path / "p", tmp_path / "out", MERGED)
    plain = {0: 0, 9: 0, 5: 5, 2: 5, 3: 5, 1: 1}
    truth, found = ([plain[v] for v in array[kept].tolist()] for array in (reference, prediction))
    rows = {row.label: row for row in scores.rows}
    for name, value in (("a", 1), ("b", 5)):
        assert rows[name].value == value
        assert rows[name].dice == pytest.approx(f1_score(truth, found, labels=[value], average=None)[0])
        assert rows[name].precision == pytest.approx(
            precision_score(truth, found, labels=[value], average=None)[0]
        )
        assert rows[name].volume_reference_ml == pytest.approx(0.003 * truth.count(value))
        assert rows[name].volume_prediction_ml == pytest.approx(0.003 * found.count(value))
    assert Labels.from_mapping(read_scores(tmp_path / "out").settings.labels, "scores") == MERGED


def test_nothing_but_ignored_voxels_is_empty(tmp_path):
    save(tmp_path / "r.nii", np.full((3, 3, 3), 255))
    save(tmp_path / "p.nii", np.ones((3, 3, 3)))
    scores = evaluate_folders(tmp_path / "r.nii", tmp_path / "p.nii", tmp_path / "out", MERGED)
    assert (scores.summaries.empty_masks.both_empty, scores.summaries.empty_masks.false_positives) == (2, 0)


def test_copied_affine_is_recorded(folders, tmp_path):
    expected = evaluate_folders(*folders, LABELS)
    save(folders[1] / "b.nii.gz", cube((2, 2, 2)), np.diag([0.6, 2.0, 3.0, 1.0]))
    out = folders[2].parent / "fixed"
    (problem,) = evaluate_folders(*folders[:2], tmp_path / "without", LABELS).not_scored.values()
    assert re.search(r"b\.nii\.gz have different affines.*--fix-geometry copy-affine", problem)
    scores = evaluate_folders(*folders[:2], out, LABELS, copy_affine=True)
    assert read_scores(out).settings.geometry_fixed == ("b",)
    np.testing.assert_equal(scores.summaries.model_dump(), expected.summaries.model_dump())
    assert expected.settings.geometry_fixed == ()
    refused(
        (*folders[:2], tmp_path / "both"),
        ["copy-affine", "give one of them"],
        copy_affine=True,
        resample=True,
    )


def test_a_missing_prediction_is_the_worst(folders, tmp_path):
    """The worst everywhere: the mean of all cases cannot rise, and the case is named."""
    (folders[1] / "b.nii.gz").unlink()
    scores = evaluate_folders(*folders, LABELS, missing="worst")
    assert scores.settings.missing_predictions == ("b",)
    found = {(row.case, row.label): row for row in scores.rows}
    assert (found["b", "core"].dice, found["b", "core"].iou, found["b", "core"].recall) == (0, 0, 0)
    assert found["b", "core"].hd95_mm == pytest.approx(np.linalg.norm([8 * 0.5, 8 * 2.0, 8 * 3.0]))
    rim = found[
        "b", "rim"
    ]  # absent from the reference: were it undefined, a false positive would better be deleted
    assert (rim.dice, rim.nsd, rim.precision, rim.volume_prediction_ml) == (0, None, 0, 0)
    assert rim.hd95_mm == found["b", "core"].hd95_mm
    assert scores.summaries.classes[1].empty_masks.false_positives == 1
    assert scores.summaries.mean_dice.mean == pytest.approx((0.25 + 0.0) / 2)
    assert scores.summaries.classes[0].empty_masks.false_negatives == 1


@pytest.mark.parametrize("side", [0, 1])
def test_output_inside_an_input_is_refused(folders, side):
    inside = folders[side] / "scores"
    refused((*folders[:2], inside), [str(inside), str(folders[side])])


def picture_pair(tmp_path):
    reference, prediction = np.zeros((2, 20, 30), np.uint8)
    reference[4:12, 5:20] = 1
    prediction[6:12, 5:25] = 1
    for side, array in (("r", reference), ("p", prediction)):
        (tmp_path / side).mkdir()
        Image.fromarray(array).save(tmp_path / side / "a.png")
    return tmp_path / "r", tmp_path / "p"


def test_pictures_have_scores_and_neither_volumes_nor_distances(tmp_path):
    scores = evaluate_folders(*picture_pair(tmp_path), tmp_path / "out", LABELS)
    row, missing = scores.rows
    assert row.dice == pytest.approx(2 * 90 / (120 + 120))
    assert math.isnan(row.volume_reference_ml)
    assert math.isnan(row.volume_prediction_ml)
    assert (row.hd_mm, row.hd95_mm, row.assd_mm, row.nsd) == (None,) * 4
    assert not scores.settings.distances
    assert (missing.reference_empty, missing.prediction_empty) == (True, True)
    assert read_scores(tmp_path / "out").summaries.empty_masks.both_empty == 1


def test_pictures_with_a_length_are_measured_in_2_d(tmp_path):
    """The right ends of both rectangles lie 5 pixels apart, the tops 2; the other sides are the same."""
    options = Evaluation(tolerance_mm={"core": 0.5})
    scores = evaluate_folders(
        *picture_pair(tmp_path), tmp_path / "out", LABELS, options=options, pixel_mm=0.25
    )
    row, missing = scores.rows
    assert row.hd_mm == pytest.approx(1.25)
    assert 0.4 < row.nsd < 1
    assert math.isnan(missing.hd_mm)
    assert (missing.nsd, math.isnan(row.volume_reference_ml)) == (None, True)
    assert (scores.settings.distances, scores.settings.pixel_mm) == (True, 0.25)
    for wrong in (0.0, -1.0, math.nan, math.inf):
        refused((tmp_path / "r", tmp_path / "p", tmp_path / "no"), ["--pixel-mm", "above 0"], pixel_mm=wrong)


def test_existing_output_is_kept(folders):
    folders[2].mkdir()
    (folders[2] / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty; give another output folder"):
        evaluate_folders(*folders, LABELS)
    assert [path.name for path in folders[2].iterdir()] == ["precious.txt"]


def test_scoring_imports_no_deep_learning_and_no_plotting():
    heavy = ("torch", "lightning", "monai", "matplotlib", "jinja2")
    code = (
        f"import sys, medse.evaluate.evaluate; print([n for n in sys.modules if n.split('.')[0] in {heavy}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
