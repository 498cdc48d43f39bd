"""The page: self-contained, honest about what it shows, and safe with hostile names."""

import re
import subprocess
import sys

import numpy as np
import pytest

from medse.evaluate.evaluate import evaluate_folders
from medse.report.panels import COLOURS
from medse.report.report import write_report
from medse.scores.files import read_scores
from tests.support.made_up_scores import Page
from tests.support.small_run import LABELS, report, save, write_run


@pytest.fixture
def run(tmp_path):
    return write_run(tmp_path)


@pytest.fixture(scope="module")
def page_of_run(tmp_path_factory):
    """A run that no test changes, and its page."""
    root = write_run(tmp_path_factory.mktemp("run"))
    return root, report(root)


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
    assert re.search(r'<th scope="row">case3</th>(<td data-sort="1.0">1.000</td>){3}', text)
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


def test_worst_median_and_best_are_shown(page_of_run):
    headings = re.findall(r"<h3>(.*?), mean Dice", page_of_run[1])
    assert headings == ["Worst case: case0", "Median case: case1", "Best case: case3"]
    assert len(re.findall('class="image"', page_of_run[1])) == 9


def test_empty_masks_are_flagged(page_of_run):
    _, text = page_of_run
    assert '<span class="flag">false negative</span> 0.000' in text
    assert re.search(r'<th scope="row">rim</th><td>0</td><td>1</td><td>0</td>', text)


def test_labels_alone_are_shown_without_images(run):
    text = report(run, images=False)
    assert "no images were given" in text
    assert 'class="image"' not in text
    assert len(re.findall('class="labels"', text)) == 9


def test_report_of_nothing_but_empty_masks(tmp_path):
    save(tmp_path / "a.nii", np.zeros((4, 4, 4), np.uint8))
    evaluate_folders(tmp_path / "a.nii", tmp_path / "a.nii", tmp_path / "out", LABELS)
    text = write_report(tmp_path / "out", tmp_path / "a.nii", tmp_path / "a.nii").read_text(encoding="utf-8")
    assert "No class is present in any case" in text
    assert "nan" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text).replace("isNaN", "")


def test_many_classes_are_folded(tmp_path):
    array = np.arange(4 * 4 * 4, dtype=np.uint8).reshape(4, 4, 4) % 22
    save(tmp_path / "r.nii", array)
    save(tmp_path / "p.nii", np.where(array == 7, 8, array))
    evaluate_folders(tmp_path / "r.nii", tmp_path / "p.nii", tmp_path / "out")
    text = write_report(tmp_path / "out", tmp_path / "r.nii", tmp_path / "p.nii").read_text(encoding="utf-8")
    assert Page(text).open == []
    assert "<summary>Other scores of the 21 classes</summary>" in text
    empty_masks = text.split('id="empty-masks"')[1].split("</table>")[0]
    assert re.findall(r'<th scope="row">(.*?)</th>', empty_masks) == ["7", "Mean over classes"]
    legend = re.findall(r"</span>([^<]*)</li>", text)
    assert legend == ["reference", "prediction", "1", "2", "3", "4", "5", "7", "8", "13 other classes"]
    assert "worst classes in view have a colour" in text
    assert "Lowest class" in text.split('id="cases"')[1]
    assert "the 12 classes with the largest mean relative difference" in text


def test_colours_of_few_classes_are_the_same_in_every_case(page_of_run):
    legends = re.findall(r'background: (#\w+)"></span>rim', page_of_run[1])
    assert legends == [COLOURS[1]] * 3


def test_few_classes_are_not_folded(page_of_run):
    assert re.findall("<summary>(.*?)</summary>", page_of_run[1]) == ["Every class of every case"]


def test_no_pyplot_and_no_deep_learning():
    heavy = ("torch", "lightning", "monai", "matplotlib.pyplot")
    code = f"import sys, medse.report.report; print([n for n in sys.modules if n in {heavy}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
