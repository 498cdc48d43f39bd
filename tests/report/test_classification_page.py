"""Sections of the page of a classifier, from scores made up for them."""

import re
import warnings

import numpy as np
import pytest

from medse.cli.tables.classification import remarks
from medse.config.classification_scoring import ClassificationEvaluation
from medse.pages.split import METHODS
from medse.report import classification_figures
from medse.report import classification_tables as tables
from medse.report.classification import render
from medse.report.classification_mistakes import draw_mistakes
from medse.scores.classification import DuplicateRow
from tests.support.made_up_classifier import collect_classified, guesses
from tests.support.made_up_scores import Page, check_policy

HOSTILE = "</script><script>x</script><img src=q onerror=1>'\"&_{{ 77777 * 7 }}$a$"
CLASSES = ("glioma", "meningioma", "pituitary")


@pytest.fixture
def undrawn(monkeypatch):
    """Leaves the figures empty, which take most of the time of a page."""
    monkeypatch.setattr(classification_figures, "to_svg", lambda _figure: b"")


def sample(n=40, classes=CLASSES, **more):
    references = [classes[k % len(classes)] for k in range(n)]
    return collect_classified(references, guesses(references, classes), classes, **more)


def whole_page(scores):
    return render(scores, draw_mistakes(scores, None, None), with_images=False)


def page_of(scores):
    """The page without its drawings, style and script."""
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", whole_page(scores))
    assert Page(text).open == []
    return text.split("</style>")[1].split("<script>")[0]


def section(text, name):
    return text.split(f'<h2 id="{name}">')[1].split("</section>")[0]


def words(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_hostile_names_stay_text_wherever_they_stand():
    settings = {
        "references": HOSTILE,
        "predictions": HOSTILE,
        "cases_file": HOSTILE,
        "interval_method": HOSTILE,
    }
    scores = sample(
        8,
        (HOSTILE, "b"),
        groups=[HOSTILE] * 8,
        cases=[f"{HOSTILE}{k}" for k in range(8)],
        settings=settings,
        split={HOSTILE: HOSTILE},
        fold=HOSTILE,
        duplicates=(DuplicateRow(one=HOSTILE, other=HOSTILE, kind=HOSTILE, how=HOSTILE),),
    )
    text = whole_page(scores)
    page = Page(text)
    assert page.open == []
    assert len(page.all("script")) == 1
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert str(7 * 77777) not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert text.count("&lt;img src=q onerror=1&gt;") > 25


@pytest.mark.usefixtures("undrawn")
def test_only_the_page_s_own_script_may_run():
    check_policy(whole_page(sample()))


@pytest.mark.usefixtures("undrawn")
def test_numbers_are_those_of_the_scores():
    scores = sample(groups=[f"g{k // 4}" for k in range(40)])
    text = page_of(scores)
    accuracy = scores.overall.accuracy
    assert (
        f"accuracy {accuracy.value:.3f} 95 % interval {accuracy.low_95:.3f} to {accuracy.high_95:.3f}"
        in words(text)
    )
    lines = section(text, "classes").split("<tbody>")[1].split("</tbody>")[0].split("<tr>")[1:]
    for entry, line in zip(scores.classes, lines, strict=True):
        by, delong = entry.most_probable, entry.auc_delong
        found = re.findall(r"<td[^>]*>([\d.]+)", line)
        numbers = [by.sensitivity, by.specificity, by.ppv, by.npv, entry.auc]
        own = [f"{one.value:.3f}" for one in numbers]
        after = [f"{one.value:.3f}" for one in (entry.average_precision, entry.brier)]
        assert found == [str(entry.n), *own, f"{delong.low_95:.3f}", *after]
        assert f"{entry.auc.low_95:.3f} to {entry.auc.high_95:.3f}" in words(line)
    second = section(text, "classes").split("<tbody>")[2].split("<tr>")[1]
    at = scores.classes[0].at_threshold
    counts = [at.true_positives, at.false_negatives, at.false_positives, at.true_negatives]
    assert re.findall(r"<td>(\d+)</td>", second) == [str(count) for count in counts]


@pytest.mark.usefixtures("undrawn")
def test_the_confusion_matrix_has_the_reference_in_rows():
    references = ["a", "a", "a", "b"]
    chosen = np.array([[0.9, 0.1, 0], [0.1, 0.9, 0], [0.1, 0.9, 0], [0.2, 0.8, 0]])
    text = section(page_of(collect_classified(references, chosen, ("a", "b", "c"))), "confusion")
    body = text.split("<tbody>")[1].split("</tbody>")[0]
    assert [words(line) for line in body.split("</tr>")[:3]] == [
        "a 1 33.3 % 2 66.7 % 0 3",
        "b 0 1 100.0 % 0 1",
        "c 0 0 0 0",
    ]
    assert words(text.split("<tfoot>")[1]) == "Predicted 1 3 0 4"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("split", "grouped", "alarmed"),
    [
        ({"method": "random"}, True, None),
        ({"method": "images"}, True, "tens of points"),
        ({"method": "random", "groups_on_both_sides": "3"}, True, "tens of points"),
        ({"method": "random", "cases_trained_on": "7"}, True, "tens of points"),
        ({"method": "random"}, False, "not known"),
        ({}, True, "not known"),
    ],
)
def test_a_split_that_is_not_by_group_is_said_first(split, grouped, alarmed):
    groups = [f"g{k // 4}" for k in range(40)] if grouped else None
    scores = sample(groups=groups, split=split, duplicates=())
    text = page_of(scores)
    assert ("Caution" in " ".join(remarks(scores))) == (alarmed is not None)
    alarm = text.split('class="alarm"')[1].split("</div>")[0] if 'class="alarm"' in text else None
    assert (alarm is None) == (alarmed is None)
    assert alarm is None or alarmed in alarm
    assert text.find('class="alarm"') < text.index('class="tiles"')
    for name, fact in split.items():
        assert f"<dd>{METHODS.get(fact, fact)}</dd>" in section(text, "split")
        assert name.replace("_", " ").capitalize() in section(text, "split")


@pytest.mark.usefixtures("undrawn")
def test_duplicates_are_listed_and_said_first():
    pair = DuplicateRow(one="x1", other="x2", kind="similar", how="mirrored")
    text = page_of(sample(duplicates=(pair,)))
    assert "1 pair" in text.split('class="tiles"')[0]
    assert "x1</th>" in section(text, "split")
    assert "mirrored" in section(text, "split")
    assert "not looked at" in section(page_of(sample()), "split")
    assert "not looked at" not in section(page_of(sample(duplicates=())), "split")


@pytest.mark.usefixtures("undrawn")
def test_delong_is_called_naive_only_where_groups_repeat():
    assert "naive" in section(page_of(sample(groups=[f"g{k // 2}" for k in range(40)])), "classes")
    assert "naive" not in page_of(sample())


@pytest.mark.parametrize("classes", [2, 7, 8, 20])
def test_any_number_of_classes_is_drawn(classes):
    names = tuple(f"a_class_with_a_name_of_many_words_{k}" for k in range(classes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        text = page_of(sample(60, names, options=ClassificationEvaluation(decision_curve=True)))
    assert text.count("<tbody>") > 3
    assert "Decision curves" in text


def test_one_class_a_class_without_images_and_a_single_image_are_drawn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alone = page_of(collect_classified(["a"] * 5, guesses(["a"] * 5, ("a", "b")), ("a", "b")))
        lacking = page_of(
            collect_classified(["a", "b"] * 5, guesses(["a", "b"] * 5, ("a", "b", "c")), ("a", "b", "c"))
        )
        single = page_of(collect_classified(["a"], np.array([[0.2, 0.8]]), ("a", "b")))
    assert "no ROC curves" in alone
    assert "nan" not in re.sub(r'data-sort="[^"]*"', "", alone + lacking + single).lower()
    assert "left out" in section(lacking, "curves")
    assert "no interval" in single


@pytest.mark.usefixtures("undrawn")
def test_without_mistakes_there_are_none():
    text = page_of(collect_classified(["a", "b"], np.array([[0.9, 0.1], [0.2, 0.8]]), ("a", "b")))
    assert "There are none" in section(text, "mistakes")


@pytest.mark.usefixtures("undrawn")
def test_the_table_of_cases_is_limited_to_the_worst(monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 2)
    probabilities = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6]])
    scores = collect_classified(["a"] * 4, probabilities, ("a", "b"))
    text = section(page_of(scores), "cases")
    assert re.findall(r'<tr data-below="(.*?)">', text) == ["0.2", "0.4"]
    assert "The 2 of 4 cases" in text
    assert text.count(">wrong<") == 2
