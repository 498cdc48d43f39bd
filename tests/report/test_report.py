"""The page: self-contained, honest about what it shows, and safe with hostile names."""

import math
import re
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest
from made_up import Page
from PIL import Image

from medse.errors import InputError
from medse.evaluate import evaluate
from medse.labels import Labels
from medse.report import write_report
from medse.report.examples import draw_examples
from medse.report.numerals import format_length, format_signed
from medse.report.page import render
from medse.report.panels import COLOURS
from medse.scoring.score_files import read_scores

HOSTILE = "<script>x('y')</script>$\\f$"
LABELS = Labels((HOSTILE, "rim"), (1, 4))
AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def save(path, array, affine=AFFINE):
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def write_run(root):
    """Write four cases of rising quality, with images; the first misses a class."""
    rng = np.random.default_rng(0)
    for k in range(4):
        reference = np.zeros((20, 22, 10), np.uint8)
        reference[5:12, 6:14, 3:8] = 1
        reference[12:15, 6:14, 3:8] = 4
        prediction = np.roll(reference, 3 - k, axis=0)
        if k == 0:
            prediction[prediction == 4] = 0
        save(root / "references" / f"case{k}.nii.gz", reference)
        save(root / "predictions" / f"case{k}.nii.gz", prediction)
        save(root / "images" / f"case{k}.nii.gz", rng.normal(100, 20, reference.shape).astype(np.float32))
    evaluate(root / "references", root / "predictions", root / "out", LABELS)
    return root


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path)


@pytest.fixture(scope="module")
def page_of_run(tmp_path_factory):
    """A run that no test changes, and its page."""
    root = write_run(tmp_path_factory.mktemp("run"))
    return root, report(root)


def report(run, images=True):
    path = write_report(
        run / "out", run / "references", run / "predictions", run / "images" if images else None
    )
    return path.read_text(encoding="utf-8")


def test_page_stands_alone(page_of_run):
    run, text = page_of_run
    page = Page(text)
    assert page.open == []
    assert not [a for _, attributes in page.tags for a in ("href", "srcset", "action") if a in attributes]
    assert all(image["src"].startswith("data:image/") for image in page.all("img"))
    visible = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert "http" not in visible.replace("http-equiv", "")
    assert "url(" not in visible
    assert str(run) not in text
    assert len(text) < 3_000_000


def test_page_is_accessible(page_of_run):
    page = Page(page_of_run[1])
    assert all(image["alt"] for image in page.all("img"))
    assert all(head.get("scope") in {"row", "col"} for head in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"


def test_page_says_the_numbers(page_of_run):
    run, text = page_of_run
    summary = read_scores(run / "out").summaries
    assert f"mean Dice<b>{summary.mean_dice.mean:.3f}</b>" in text
    for dice in (summary.mean_dice, *(entry.dice for entry in summary.classes)):
        cells = f"<td>{dice.n}</td><td>{dice.mean:.3f}</td><td>{dice.low_95:.3f} to {dice.high_95:.3f}</td>"
        assert f"{cells}<td>{dice.sd:.3f}</td><td>{dice.median:.3f}</td>" in text
    assert re.search(r'<th scope="row">case3</th><td>1.000</td>(<td data-sort="1.0">1.000</td>){2}', text)
    for said in (
        "Neurological convention",
        "percentile bootstrap",
        "10,000 resamples",
        "seed 20240",
        "numpy",
    ):
        assert said.lower() in text.lower()
    assert "Class names were not given" not in text
    assert "too narrow" in text  # four cases


def test_names_are_escaped(page_of_run):
    _, text = page_of_run
    assert "<script>x" not in text
    assert "&lt;script&gt;x(&#39;y&#39;)&lt;/script&gt;$\\f$" in text
    assert len(Page(text).all("script")) == 1


def test_case_names_are_escaped(run):
    scores = evaluate(run / "references", run / "predictions", run / "again", LABELS)
    rows = tuple(row.model_copy(update={"case": f"<img src=x onerror=1>{row.case}"}) for row in scores.rows)
    text = render(scores.model_copy(update={"rows": rows}), [], with_images=False)
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=1&gt;case0" in text


def test_worst_median_and_best_are_shown(page_of_run):
    headings = re.findall(r"<h3>(.*?), mean Dice", page_of_run[1])
    assert headings == ["Worst case: case0", "Median case: case1", "Best case: case3"]


def test_empty_masks_are_flagged(page_of_run):
    _, text = page_of_run
    assert '<span class="flag">missed</span> 0.000' in text
    assert re.search(r'<th scope="row">rim</th><td>0</td><td>1</td><td>0</td>', text)


def test_labels_alone_are_shown_without_images(run):
    text = report(run, images=False)
    assert "no images were given" in text
    assert 'class="image"' not in text
    assert len(re.findall('class="labels"', text)) == 9


def test_missing_names_are_admitted(run):
    evaluate(run / "references", run / "predictions", run / "unnamed")
    text = write_report(run / "unnamed", run / "references", run / "predictions").read_text(encoding="utf-8")
    assert "Class names were not given" in text


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
    with pytest.raises(
        InputError, match=r"no image of case case1; expected case1\.nii\.gz, case1_0000\.nii\.gz"
    ):
        report(run)


def test_damaged_image_is_refused(run):
    (run / "images" / "case1.nii.gz").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"case1\.nii\.gz"):
        report(run)


def test_report_of_nothing_but_empty_masks(tmp_path):
    save(tmp_path / "a.nii", np.zeros((4, 4, 4), np.uint8))
    evaluate(tmp_path / "a.nii", tmp_path / "a.nii", tmp_path / "out", LABELS)
    text = write_report(tmp_path / "out", tmp_path / "a.nii", tmp_path / "a.nii").read_text(encoding="utf-8")
    assert "No class is present in any case" in text
    assert "nan" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text).replace("isNaN", "")


def test_many_classes_are_folded(tmp_path):
    array = np.arange(4 * 4 * 4, dtype=np.uint8).reshape(4, 4, 4) % 22
    save(tmp_path / "r.nii", array)
    save(tmp_path / "p.nii", np.where(array == 7, 8, array))
    evaluate(tmp_path / "r.nii", tmp_path / "p.nii", tmp_path / "out")
    text = write_report(tmp_path / "out", tmp_path / "r.nii", tmp_path / "p.nii").read_text(encoding="utf-8")
    assert Page(text).open == []
    assert "<summary>Other scores of the 21 classes</summary>" in text
    ledger = text.split('id="ledger"')[1].split("</table>")[0]
    assert re.findall(r'<th scope="row">(.*?)</th>', ledger) == ["7", "Mean over classes"]
    legend = re.findall(r"</span>([^<]*)</li>", text)
    assert legend == ["reference", "prediction", "1", "2", "3", "4", "5", "7", "8", "13 other classes"]
    assert "worst classes in view have a colour" in text
    assert "Lowest class" in text.split('id="cases"')[1]
    assert "the 12 classes with the largest mean relative difference" in text


def test_colours_of_few_classes_are_the_same_in_every_case(page_of_run):
    legends = re.findall(r'background: (#\w+)"></span>rim', page_of_run[1])
    assert legends == [COLOURS[1]] * 3


def test_channel_files_are_shown(run):
    plain = report(run)
    for path in (run / "images").iterdir():
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
        save(path.with_name(path.name.replace(".nii.gz", "_0001.nii.gz")), np.ones((20, 22, 10), np.float32))
    assert report(run) == plain


def test_overridden_geometry_is_said(run):
    path = run / "predictions" / "case3.nii.gz"
    save(path, np.asarray(nib.load(path).dataobj), np.diag([1.0, 1.0, 2.0, 1.0]))
    evaluate(run / "references", run / "predictions", run / "fixed", LABELS, copy_affine=True)
    text = write_report(run / "fixed", run / "references", run / "predictions").read_text(encoding="utf-8")
    assert "1 prediction differed from that of the reference and was overridden (copy-affine): case3." in text
    assert "<dt>Geometry overridden</dt>" in text


def test_merged_classes_are_drawn_as_one_and_ignored_voxels_not_at_all(run):
    labels = Labels.from_mapping({"both": [4, 1], "ignore": 7}, "test")
    for k in range(4):
        path = run / "references" / f"case{k}.nii.gz"
        array = np.array(nib.load(path).dataobj)
        array[:, :, 7] = 7
        save(path, array)
    out = run / "merged"
    scores = evaluate(run / "references", run / "predictions", out, labels)
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
    evaluate(tmp_path / "r", tmp_path / "p", tmp_path / "out", Labels(("lesion",), (1,)))
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
    evaluate(run / "references", run / "predictions", run / "unoriented", LABELS)
    text = write_report(run / "unoriented", run / "references", run / "predictions").read_text(
        encoding="utf-8"
    )
    assert (
        re.findall(r"<figcaption>(Across axis \d), slice", text)
        == ["Across axis 3", "Across axis 2", "Across axis 1"] * 3
    )
    assert " mm</span>" in text
    assert "<b>L</b>" not in text


def test_few_classes_are_not_folded(page_of_run):
    assert re.findall("<summary>(.*?)</summary>", page_of_run[1]) == ["Every class of every case"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (math.nan, "–"),
        (math.inf, "∞"),
        (None, ""),
        (0.0, "0.00"),
        (1234.5, "1234"),
        (12.345, "12.3"),
        (-0.012345, "−0.0123"),
        (1e-9, "0.000000"),
    ],
)
def test_volumes_have_three_digits(value, expected):
    assert format_length(value) == expected


def test_sign_is_written():
    assert (format_signed(2.0), format_signed(-2.0), format_signed(0.0)) == ("+2.00", "−2.00", "0.00")


def test_no_pyplot_and_no_deep_learning():
    heavy = ("torch", "lightning", "monai", "matplotlib.pyplot")
    code = f"import sys, medse.report; print([n for n in sys.modules if n in {heavy}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
