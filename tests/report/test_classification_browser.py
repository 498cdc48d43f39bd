"""The page of a classifier in a real browser: quiet, sortable, narrow and printed."""

import numpy as np
import pytest
from PIL import Image

from medse.config.classification_scoring import ClassificationEvaluation
from medse.report.classification import write_classification_report
from medse.scores.classification import DuplicateRow, write_classification
from tests.support.browser import chromium, needs_chromium, quiet_page
from tests.support.made_up_classifier import collect_classified, guesses

pytestmark = needs_chromium

LONG = "a_class_" + "of_many_words_" * 5 + "x" * 60
CLASSES = (LONG, "b", "<img src=q onerror=alert(1)>", *(f"class {k}" for k in range(6)))
N = 45
A4_PIXELS = int((210 - 2 * 12) / 25.4 * 96)


@pytest.fixture(scope="module")
def scores():
    references = [CLASSES[k % len(CLASSES)] for k in range(N)]
    return collect_classified(
        references,
        guesses(references, CLASSES, gain=1.5),
        CLASSES,
        cases=[f"{'case_' * 20}{k}" for k in range(N)],
        groups=[f"{'g' * 50}{k // 3}" for k in range(N)],
        images=[f"{k}.png" for k in range(N)],
        split={"method": "images", "remark": "x" * 200},
        duplicates=(DuplicateRow(one="y" * 90, other="z" * 90, kind="pixels", how="turned by 90 degrees"),),
        options=ClassificationEvaluation(decision_curve=True),
    )


@pytest.fixture(scope="module")
def address(scores, tmp_path_factory):
    root = tmp_path_factory.mktemp("page")
    (root / "maps").mkdir()
    picture = np.add.outer(np.arange(50), np.arange(30)).astype(np.uint8)
    for k, row in enumerate(scores.rows):
        Image.fromarray(picture).save(root / f"{k}.png")
        Image.fromarray(picture * 3).save(root / "maps" / f"{row.case}.png")
    write_classification(root / "out", scores)
    return write_classification_report(root / "out", root, root / "maps").as_uri()


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, address):
    with quiet_page(browser, address) as opened:
        yield opened


def column(page, k):
    rows = "Array.from(document.querySelectorAll('#by-case tbody tr')).filter(row => !row.hidden)"
    return page.evaluate(f"{rows}.map(row => row.cells[{k}].textContent.trim())")


def test_cases_are_sorted_and_filtered(page, scores):
    wrong = sum(row.predicted != row.reference for row in scores.rows)
    page.locator("#by-case thead button").last.click()
    assert column(page, 5) == [f"{p:.3f}" for p in sorted(row.confidence for row in scores.rows)]
    bar = page.locator(".filter")
    bar.locator("input[type=search]").fill("wrong")
    assert len(column(page, 0)) == wrong
    bar.locator("input[type=number]").fill("0.1")
    low = [row for row in scores.rows if row.probabilities[CLASSES.index(row.reference)] < 0.1]
    assert len(column(page, 0)) == len(low)


def test_pictures_are_shown_side_by_side(page):
    first, second = (page.locator(".pair img").nth(k).bounding_box() for k in (0, 1))
    assert first["y"] == second["y"]
    assert first["x"] + first["width"] <= second["x"]
    assert first["height"] / first["width"] == pytest.approx(5 / 3, rel=0.02)
    assert page.locator(".pair").count() == 10


def test_a_phone_needs_no_sideways_scrolling(page):
    page.set_viewport_size({"width": 375, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_print_cuts_nothing_off(page):
    page.set_viewport_size({"width": A4_PIXELS, "height": 1000})
    page.emulate_media(media="print")
    beyond = page.evaluate(
        f"""Array.from(document.body.querySelectorAll("*"))
            .filter(it => it.getBoundingClientRect().right > {A4_PIXELS} + 1).map(it => it.outerHTML.slice(0, 80))"""
    )
    assert beyond == []
    assert not page.locator(".filter").first.is_visible()
    assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")
