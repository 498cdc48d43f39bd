"""The page in a real browser: quiet, sortable, scrollable, narrow and printed."""

import math

import nibabel as nib
import numpy as np
import pytest

from medse.report.report import write_report
from medse.scores.files import write_scores
from tests.support.browser import chromium, needs_chromium, quiet_page
from tests.support.made_up_scores import collect, row

pytestmark = needs_chromium

CASES = 12
LABELS = ("liver", "structure_" + "of_many_words_" * 5 + "x" * 60, *(f"rib_left_{k}" for k in range(6)))
A4_PIXELS = int((210 - 2 * 12) / 25.4 * 96)


@pytest.fixture(scope="module")
def scores():
    rng = np.random.default_rng(4)
    rows = []
    for i in range(CASES):
        for k, label in enumerate(LABELS):
            dice, length = float(rng.uniform(0.2, 0.95)), float(rng.lognormal(1, 1))
            more = {"hd95_mm": length, "assd_mm": length / 4, "hd_mm": length * 2, "nsd": dice}
            more["volume_prediction_ml"] = 2.0 + float(rng.normal(0, 20 if k == 4 else 0.5))
            if (i, k) == (3, 1):
                more |= {"dice": math.nan, "precision": math.nan, "recall": math.nan}
            else:
                more |= {"dice": dice}
            rows.append(row(f"case-{i}", label, more.pop("dice"), value=k + 1, **more))
    settings = {
        "labels": {"background": 0} | {label: k + 1 for k, label in enumerate(LABELS)},
        "distances": True,
        "tolerance_mm": dict.fromkeys(LABELS, 2.0),
    }
    return collect(rows, settings=settings)


@pytest.fixture(scope="module")
def address(scores, tmp_path_factory):
    """The page of these scores, over volumes whose single structure moves from slice to slice."""
    root = tmp_path_factory.mktemp("page")
    volume = np.zeros((30, 26, 12), np.uint8)
    for z in range(2, 10):
        volume[4 + z : 10 + z, 8:16, z] = 1
    for folder, array in (("r", volume), ("p", np.roll(volume, 1, 0)), ("i", volume * 80.0 + 20)):
        (root / folder).mkdir()
        for i in range(CASES):
            nib.save(nib.Nifti1Image(array, np.eye(4)), root / folder / f"case-{i}.nii")
    write_scores(root / "out", scores)
    return write_report(root / "out", root / "r", root / "p", root / "i").as_uri()


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, address):
    with quiet_page(browser, address) as opened:
        yield opened


def column(page, table, k):
    """The texts of a column, top first, of the rows that are shown."""
    rows = f"Array.from(document.querySelectorAll('{table} tbody tr')).filter(row => !row.hidden)"
    return page.evaluate(f"{rows}.map(row => row.cells[{k}].textContent.trim())")


def test_it_opens_quietly(page):
    assert page.title() == "Segmentation report: p"


def test_headings_sort(page, scores):
    by_case = {
        f"case-{i}": [r.dice for r in scores.rows if r.case == f"case-{i}" and not math.isnan(r.dice)]
        for i in range(CASES)
    }
    means = {case: float(np.mean(values)) for case, values in by_case.items()}
    lowest = {case: min(values) for case, values in by_case.items()}
    head = page.locator("#by-case thead th")
    natural = [f"case-{i}" for i in range(CASES)]
    for k, order in ((1, sorted(natural, key=means.get)), (3, sorted(natural, key=lowest.get)), (0, natural)):
        for expected, direction in ((order, "ascending"), (order[::-1], "descending")):
            head.nth(k).locator("button").click()
            assert column(page, "#by-case", 0) == expected
            assert head.nth(k).get_attribute("aria-sort") == direction
        assert page.locator("#by-case th[aria-sort]").count() == 1


def test_headings_sort_by_keyboard_and_by_the_first_number_of_a_cell(page, scores):
    for table, k, of in (
        ("head-note", 3, lambda entry: entry.hd95_mm.every.mean),
        ("other-note", 4, lambda entry: entry.volume_difference_ml.mean),
    ):
        page.locator(f"table[aria-labelledby={table}] thead button").nth(k).focus()
        page.keyboard.press("Enter")
        expected = [entry.label for entry in sorted(scores.summaries.classes, key=of)]
        assert column(page, f"table[aria-labelledby={table}]", 0) == expected


def test_undefined_scores_stay_last(page):
    page.locator("summary", has_text="Every class").click()
    for _ in range(2):
        page.locator("#by-case-and-class thead button").nth(2).click()
        assert column(page, "#by-case-and-class", 2)[-1] == "–"


def test_rows_are_filtered(page, scores):
    page.locator("summary", has_text="Every class").click()
    bar = page.locator(".filter[data-table=by-case-and-class]")
    said = bar.locator("output")
    assert said.text_content() == f"{len(scores.rows)} of {len(scores.rows)} rows shown"
    assert said.get_attribute("aria-live") == "polite"
    bar.locator("input[type=search]").fill("RIB_left_3")
    assert column(page, "#by-case-and-class", 1) == ["rib_left_3"] * CASES
    bar.locator("input[type=number]").fill("0.5")
    low = [r for r in scores.rows if r.label == "rib_left_3" and r.dice < 0.5]
    assert sorted(column(page, "#by-case-and-class", 0)) == sorted(r.case for r in low)
    assert said.text_content() == f"{len(low)} of {len(scores.rows)} rows shown"
    bar.locator("input[type=search]").fill("")
    assert len(column(page, "#by-case-and-class", 0)) == sum(r.dice < 0.5 for r in scores.rows)


def test_slices_are_scrolled_by_keyboard(page):
    scroller = page.locator(".scroller").first
    slider, said, canvas = (scroller.locator(name) for name in ("input", "output", "canvas"))
    page.wait_for_function(
        "document.querySelector('.scroller canvas').getContext('2d').getImageData(0,0,1,1).data[3]"
    )
    slider.focus()
    seen = []
    for key in ("Home", "ArrowRight", "End"):
        page.keyboard.press(key)
        seen.append((said.text_content(), canvas.evaluate("it => it.toDataURL()")))
        assert slider.get_attribute("aria-valuetext") == said.text_content()
    assert [text for text, _ in seen] == [f"slice {number} of 12" for number in (3, 4, 10)]
    assert len({picture for _, picture in seen}) == 3
    page.locator("#labels").uncheck()
    assert canvas.evaluate("it => it.toDataURL()") not in {picture for _, picture in seen}


def test_a_phone_needs_no_sideways_scrolling(page):
    page.set_viewport_size({"width": 375, "height": 800})
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") == 375


def test_print_cuts_nothing_off(page):
    page.set_viewport_size({"width": A4_PIXELS, "height": 1000})
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    page.emulate_media(media="print")
    beyond = page.evaluate(
        f"""Array.from(document.body.querySelectorAll("*"))
            .filter(it => it.getBoundingClientRect().right > {A4_PIXELS} + 1).map(it => it.outerHTML.slice(0, 80))"""
    )
    assert beyond == []
    assert page.evaluate("document.documentElement.scrollWidth") <= A4_PIXELS
    inside = (
        "Array.from(document.querySelectorAll('.wide')).every(it => it.scrollHeight <= it.clientHeight + 1)"
    )
    assert page.evaluate(inside)
    for gone in (".scroller", ".filter", "#labels"):
        assert not page.locator(gone).first.is_visible()
    assert page.locator(".panel, .planes img").first.is_visible()
    assert page.pdf(format="A4", prefer_css_page_size=True).startswith(b"%PDF")


def test_without_script_the_tables_and_panels_remain(browser, address):
    context = browser.new_context(java_script_enabled=False)
    opened = context.new_page()
    opened.goto(address)
    assert opened.locator("#by-case tbody tr").count() == CASES
    assert opened.locator(".planes img").first.is_visible()
    assert not opened.locator(".scroller").first.is_visible()
    assert not opened.locator(".filter").first.is_visible()
    context.close()
