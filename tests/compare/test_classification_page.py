"""The page of a comparison of classifiers: its numbers, and what it says of splits and of cases."""

import re

import numpy as np
import pytest

from medse.compare.classification import compare_classifiers
from medse.compare.classification_figures import draw_score_differences
from medse.compare.classification_page import find_disagreements, render_classifiers
from medse.compare.classification_reading import read_classifier_reports
from medse.compare.compare import PAGE
from medse.scores.classification import write_classification
from tests.support.browser import chromium, needs_chromium, quiet_page
from tests.support.made_up_classifier import collect_classified, guesses
from tests.support.made_up_scores import Page, check_policy

HOSTILE = "</script><script>x</script><img src=q onerror=alert(1)>'\"&_{{ 7 * 77777 }}"
CLASSES = ("a", "b", "c")


def write_model(folder, seed, gain, *, classes=CLASSES, groups=None, **more):
    """Write a folder as ``medse evaluate`` does, of 30 cases."""
    references = [classes[k % len(classes)] for k in range(30)]
    table = guesses(references, classes, seed, gain)
    scores = collect_classified(references, table, classes, groups=groups, **more)
    write_classification(folder, scores)
    return scores


@pytest.fixture
def compared(tmp_path):
    """Compare models written by name: the comparison, the reports and the page without drawings."""

    def run(*names):
        arguments = [f"{name}={tmp_path / name}" for name in names]
        comparison = compare_classifiers(arguments, tmp_path / "out")
        text = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
        assert Page(text).open == []
        check_policy(text)
        plain = re.sub(r"base64,[A-Za-z0-9+/=]+", "", text).split("</style>")[1].split("<script>")[0]
        return comparison, read_classifier_reports(arguments), plain

    return run


def section(text, name):
    return text.split(f'<h2 id="{name}">')[1].split("</section>")[0]


def words(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_numbers_are_those_of_the_comparison(tmp_path, compared):
    scores = [write_model(tmp_path / name, seed, gain) for name, seed, gain in (("x", 1, 3.0), ("y", 2, 0.5))]
    comparison, _, text = compared("x", "y")
    lines = section(text, "scores").split("<tbody>")[1].split("</tr>")
    for row, line in zip(comparison.rows, lines, strict=False):
        assert f">{row.verdict}<" in line
        assert f"{row.mean_first:.3f} {row.mean_second:.3f}" in words(line)
        assert f"+{row.difference:.4f}" in line
    right = [np.array([row.predicted == row.reference for row in one.rows]) for one in scores]
    counts = [(one & other).sum() for one in (right[0], ~right[0]) for other in (right[1], ~right[1])]
    table = section(text, "beside").split("<tbody>")[1]
    assert list(map(int, re.findall(r"<td>(\d+)</td>", table)))[:4] == counts
    assert f"z = +{comparison.beside[0].proportions_z:.2f}" in text
    for one in comparison.beside[0].delong:
        assert f"AUC of {one.label} {one.auc_first:.3f} {one.auc_second:.3f}" in words(text)
    matrices = section(text, "confusion").split("<tbody>")[1:]
    for one, matrix in zip(scores, matrices, strict=True):
        cells = re.findall(r"(?:%\)|none|right)\">(\d+)<", matrix)
        assert [int(cell) for cell in cells] == [count for line in one.confusion for count in line]


def test_cases_on_which_models_disagree_are_listed(tmp_path, compared):
    for name, seed in (("x", 1), ("y", 2)):
        write_model(tmp_path / name, seed, 1.0)
    _, reports, text = compared("x", "y")
    pairs = list(zip(*(report.scores.rows for report in reports), strict=True))
    place = CLASSES.index
    expected = {
        one.case: abs(one.probabilities[place(one.reference)] - other.probabilities[place(one.reference)])
        for one, other in pairs
        if one.predicted != other.predicted
    }
    found = find_disagreements(reports)
    assert [one.row.case for one in found] == sorted(expected, key=expected.get, reverse=True)
    assert re.findall(r'<th scope="row">(c\d+)</th>', section(text, "disagreements")) == [
        one.row.case for one in found
    ]
    first = found[0]
    assert [answer.wrong for answer in first.answers] == [
        row.predicted != row.reference
        for row in next(pair for pair in pairs if pair[0].case == first.row.case)
    ]


def test_classes_in_another_order_are_lined_up(tmp_path, compared):
    references = [CLASSES[k % 3] for k in range(30)]
    tables = [guesses(references, CLASSES, seed, 1.0) for seed in (1, 2)]
    write_classification(tmp_path / "x", collect_classified(references, tables[0], CLASSES))
    for name, order in (("y", (0, 1, 2)), ("z", (2, 0, 1))):
        classes = tuple(CLASSES[k] for k in order)
        write_classification(
            tmp_path / name, collect_classified(references, tables[1][:, list(order)], classes)
        )
    _, reports, text = compared("x", "y", "z")
    matrices = [
        re.findall(r"(?:%\)|none|right)\">(\d+)<", one)
        for one in section(text, "confusion").split("<tbody>")[1:]
    ]
    assert matrices[1] == matrices[2] != matrices[0]
    assert all(one.answers[1] == one.answers[2] for one in find_disagreements(reports))


@pytest.mark.parametrize(
    ("split", "grouped", "alarms"),
    [
        ({"method": "random"}, True, []),
        ({"method": "images"}, True, ["x"]),
        ({}, True, ["not known"]),
        ({}, False, ["not known", "No groups"]),
    ],
)
def test_splits_that_are_not_by_group_are_said_first(tmp_path, compared, split, grouped, alarms):
    groups = [f"g{k // 3}" for k in range(30)] if grouped else None
    write_model(tmp_path / "x", 1, 1.0, groups=groups, split=split)
    write_model(tmp_path / "y", 2, 1.0, groups=groups, split={"method": "random"})
    *_, text = compared("x", "y")
    found = re.findall(r'class="alarm".*?</div>', text.split("<main>")[0], re.DOTALL)
    assert bool(found) == bool(alarms)
    assert all(word in words(found[0]) for word in alarms)
    assert ("naive" in section(text, "beside").lower()) == grouped


def test_three_models_and_hostile_names_stay_text(tmp_path):
    for k in range(3):
        write_model(
            tmp_path / f"m{k}", k, 1.0, classes=(HOSTILE, "b", "c"), split={HOSTILE: HOSTILE},
            groups=[HOSTILE] * 30, cases=[f"{HOSTILE}{i}" for i in range(30)],
        )  # fmt: skip
    arguments = [f"<img onerror>'&_{{{{ 7 * 77777 }}}}{k}={tmp_path / f'm{k}'}" for k in range(3)]
    comparison = compare_classifiers(arguments, tmp_path / "out")
    text = render_classifiers(comparison, read_classifier_reports(arguments))
    page = Page(text)
    assert page.open == []
    assert len(page.all("script")) == 1
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert str(7 * 77777) not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert draw_score_differences(comparison) == draw_score_differences(comparison)


def test_models_that_agree_everywhere_say_so(tmp_path, compared):
    for name in ("x", "y"):
        write_model(tmp_path / name, 1, 1.0)
    *_, text = compared("x", "y")
    assert "Nowhere" in section(text, "disagreements")
    assert "nan" not in re.sub(r'data-sort="[^"]*"', "", text).lower()


@needs_chromium
def test_in_a_browser_it_is_quiet_narrow_and_sorts(tmp_path):
    classes = ("a_long_name_of_a_class_of_tumours_" * 3, "b", "<img src=q onerror=alert(1)>")
    for name, seed in (("x", 1), ("y_with_a_long_name_that_needs_room_on_the_page", 2)):
        write_model(tmp_path / name, seed, 1.0, classes=classes, groups=[f"g{k // 3}" for k in range(30)])
    compare_classifiers([str(path) for path in tmp_path.iterdir()], tmp_path / "out")
    address = (tmp_path / "out" / PAGE).as_uri()
    with chromium() as browser, quiet_page(browser, address, 375) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == 375
        page.locator("#by-case thead button").last.click()
        spreads = page.evaluate(
            "Array.from(document.querySelectorAll('#by-case tbody tr')).map(row => +row.cells[5].textContent)"
        )
        assert spreads == sorted(spreads)
        assert len(spreads) > 3
