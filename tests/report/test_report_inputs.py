"""What the page makes of the files that it is given."""

import re

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medse.config.sections import Evaluation
from medse.errors import InputError
from medse.evaluate.evaluate import evaluate_folders
from medse.labels import Labels
from medse.report.examples import draw_examples
from medse.report.report import write_report
from tests.support.made_up_scores import Page
from tests.support.small_run import HOSTILE, LABELS, report, save, write_run


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path)


def again(run, name, **options):
    """Score the run anew; return its scores and its page without drawings."""
    scores = evaluate_folders(run / "references", run / "predictions", run / name, LABELS, **options)
    page = write_report(run / name, run / "references", run / "predictions", run / "images")
    return scores, re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.read_text(encoding="utf-8"))


def test_first_channel_of_an_image_is_shown(run):
    single = report(run)
    for path in (run / "images").iterdir():
        image = nib.load(path)
        first = image.get_fdata(dtype=np.float32)
        save(path, np.stack([first, first[::-1]], axis=-1), image.affine)
    assert report(run) == single


def test_image_on_another_grid_is_refused(run):
    save(run / "images" / "case3.nii.gz", np.zeros((20, 22, 11), np.float32))
    with pytest.raises(InputError, match=r"case3\.nii\.gz have different shapes"):
        report(run)
    assert not (run / "out" / "report.html").exists()


def test_missing_image_is_refused(run):
    (run / "images" / "case1.nii.gz").unlink()
    with pytest.raises(InputError, match=r"no image of case case1; .*case1_0000\.nii\.gz"):
        report(run)


def test_channel_files_are_shown(run):
    plain = report(run)
    for path in (run / "images").iterdir():
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
        save(path.with_name(path.name.replace(".nii.gz", "_0001.nii.gz")), np.ones((20, 22, 10), np.float32))
    assert report(run) == plain


def test_merged_classes_are_drawn_as_one_and_ignored_voxels_not_at_all(run):
    labels = Labels.from_mapping({"both": [4, 1], "ignore": 7}, "test")
    for k in range(4):
        path = run / "references" / f"case{k}.nii.gz"
        array = np.array(nib.load(path).dataobj)
        array[:, :, 7] = 7
        save(path, array)
    out = run / "merged"
    scores = evaluate_folders(run / "references", run / "predictions", out, labels)
    (best,) = [
        e for e in draw_examples(scores, run / "references", run / "predictions", None) if "Best" in e.role
    ]
    for panel in best.panels:
        assert set(np.unique(panel.plane.reference)) == {0, 1}
        np.testing.assert_array_equal(panel.plane.reference, panel.plane.prediction)
    text = write_report(out, run / "references", run / "predictions").read_text(encoding="utf-8")
    assert "both: 4, 1; ignore: 7. Values in one list" in text
    assert "left out of every count" in text


def test_pictures_have_no_letters_no_mm_and_no_volumes(tmp_path):
    rng = np.random.default_rng(0)
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 12:30] = 1
    for folder, array in (("r", mask), ("p", np.roll(mask, 2, 0)), ("i", rng.integers(0, 255, (40, 50, 3)))):
        (tmp_path / folder).mkdir()
        Image.fromarray(array.astype(np.uint8)).save(tmp_path / folder / "a.png")
    evaluate_folders(tmp_path / "r", tmp_path / "p", tmp_path / "out", Labels(("lesion",), (1,)))
    page = write_report(tmp_path / "out", tmp_path / "r", tmp_path / "p", tmp_path / "i")
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.read_text(encoding="utf-8"))
    assert Page(text).open == []
    body = text.split("</style>")[1]
    assert "<figcaption>Picture</figcaption>" in body
    assert not re.findall(
        r"<b>[LRAPIS]</b>| mm</span>| ml|Bland|Neurological|nan\b", body.split("<script>")[0]
    )
    assert "do not say where the patient's left is" in body


def test_a_file_without_orientation_has_mm_and_no_letters(run):
    for folder in ("references", "predictions"):
        for path in (run / folder).iterdir():
            image = nib.load(path)
            image.set_sform(None, 0)
            image.set_qform(None, 0)
            nib.save(nib.Nifti1Image(np.asarray(image.dataobj), None, image.header), path)
    evaluate_folders(run / "references", run / "predictions", run / "unoriented", LABELS)
    text = write_report(run / "unoriented", run / "references", run / "predictions").read_text(
        encoding="utf-8"
    )
    assert (
        re.findall(r"<figcaption>(Across axis \d), slice", text)
        == ["Across axis 3", "Across axis 2", "Across axis 1"] * 3
    )
    assert " mm</span>" in text
    assert "<b>L</b>" not in text


def test_a_missing_prediction_is_drawn_as_empty(run):
    (run / "predictions" / "case2.nii.gz").unlink()
    scores, text = again(run, "worst", missing="worst")
    assert "Worst case: case2, mean Dice 0.000" in text
    assert "1 prediction is missing and scored as the worst" in text
    worst = draw_examples(scores, run / "references", run / "predictions", None)[0]
    assert worst.panels[0].plane.reference.any()
    assert not worst.panels[0].plane.prediction.any()


def test_a_resampled_prediction_is_drawn_on_the_grid_of_its_reference(run):
    path = run / "predictions" / "case3.nii.gz"
    fine = np.repeat(np.asarray(nib.load(path).dataobj), 3, axis=2)
    save(path, fine, np.array([[1.0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, -1], [0, 0, 0, 1]]))
    scores, text = again(run, "moved", resample=True)
    assert scores.settings.resampled == ("case3",)
    assert "Best case: case3, mean Dice 1.000" in text
    assert "was resampled onto that of the reference: case3." in text
    best = draw_examples(scores, run / "references", run / "predictions", None)[-1]
    for panel in best.panels:
        np.testing.assert_array_equal(panel.plane.reference, panel.plane.prediction)


def test_a_case_that_could_not_be_read_is_named_and_never_drawn(run):
    (run / "predictions" / "case1.nii.gz").write_bytes(b"nonsense")
    _, text = again(run, "broken")
    assert "1 case was not scored" in text
    assert [case for case in re.findall(r"<h3>.*?: (case\d),", text) if case == "case1"] == []


def test_unions_are_scored_and_not_drawn(run):
    scores, text = again(run, "union", options=Evaluation(merged={"all": (HOSTILE, "rim")}))
    assert [entry.label for entry in scores.summaries.classes][-1] == "all"
    assert "unions of others (all) are not drawn" in text
    for example in draw_examples(scores, run / "references", run / "predictions", None):
        assert "all" not in [label for label, _ in example.legend]
        assert {int(v) for panel in example.panels for v in np.unique(panel.plane.reference)} <= {0, 1, 2}


def test_masks_in_files_of_their_own_are_drawn(tmp_path):
    masks = np.zeros((2, 20, 20, 8), np.uint8)
    masks[0, 4:12, 4:12, 2:6] = 1
    masks[1, 8:16, 4:12, 2:6] = 1  # over the first
    for side in ("r", "p"):
        (tmp_path / side).mkdir()
        for name, mask in zip(("liver", "tumour"), masks, strict=True):
            save(tmp_path / side / "a" / f"{name}.nii.gz", mask)
    scores = evaluate_folders(tmp_path / "r", tmp_path / "p", tmp_path / "out")
    text = write_report(tmp_path / "out", tmp_path / "r", tmp_path / "p").read_text(encoding="utf-8")
    assert "binary mask in a file of its own" in text
    assert "Class names were not given" not in text
    (example,) = draw_examples(scores, tmp_path / "r", tmp_path / "p", None)
    assert [label for label, _ in example.legend] == ["liver", "tumour"]
    assert np.unique(example.panels[0].plane.reference).tolist() == [0, 1, 2]


def test_pictures_with_a_pixel_size_have_a_scale(tmp_path):
    mask = np.zeros((40, 50), np.uint8)
    mask[10:20, 12:30] = 1
    for folder in ("r", "p"):
        (tmp_path / folder).mkdir()
        Image.fromarray(mask).save(tmp_path / folder / "a.png")
    labels = Labels(("lesion",), (1,))
    scores = evaluate_folders(tmp_path / "r", tmp_path / "p", tmp_path / "out", labels, pixel_mm=0.5)
    (example,) = draw_examples(scores, tmp_path / "r", tmp_path / "p", None)
    (panel,) = example.panels
    assert panel.plane.spacing_mm == (0.5, 0.5)
    assert (panel.plane.caption, panel.plane.in_mm, example.stack) == ("Picture", True, None)
    text = write_report(tmp_path / "out", tmp_path / "r", tmp_path / "p").read_text(encoding="utf-8")
    assert "a pixel is 0.5 mm long" in text
    assert "HD95, mean" in text
