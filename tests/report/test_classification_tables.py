"""The tables of a classifier for papers: complete, escaped, and formed as their languages want."""

import re

import numpy as np
import pytest

from medse.pages.paper_tables import latex, markdown
from medse.report.classification_tables import write_classification_tables
from tests.report.test_paper_tables import HOSTILE, body, check_latex
from tests.support.made_up_classifier import collect_classified, guesses


def sample(classes, **more):
    references = [classes[k % 3 % len(classes)] for k in range(30)]
    return collect_classified(references, guesses(references, classes), classes, **more)


def written(folder, scores):
    write_classification_tables(folder, scores)
    return [(folder / name).read_text(encoding="utf-8") for name in ("table.tex", "table.md")]


def test_numbers_are_those_of_the_scores(tmp_path):
    scores = sample(("a", "b"), split={"method": "random"}, groups=[f"g{k // 3}" for k in range(30)])
    tex, md = written(tmp_path, scores)
    check_latex(tex)
    heading, first, _, last = body(tex)
    assert heading == ["Class", "n", "Sensitivity", "Specificity", "PPV", "AUC"]
    entry = scores.classes[0]
    by = entry.most_probable
    for cell, one in zip(
        first[2:],
        (by.sensitivity, by.specificity, by.ppv, entry.auc),
        strict=True,
    ):
        assert cell == f"{one.value:.3f} [{one.low_95:.3f}, {one.high_95:.3f}]"
    assert last[0] == "Mean over classes"
    accuracy, balanced = scores.overall.accuracy, scores.overall.balanced_accuracy
    assert last[2].startswith(f"{balanced.value:.3f}")
    assert f"{balanced.value:.3f}" != f"{accuracy.value:.3f}"
    for text in (tex, md.replace("\\", "")):
        assert f"accuracy {accuracy.value:.3f} [{accuracy.low_95:.3f}, {accuracy.high_95:.3f}]" in text
    assert md.splitlines()[1] == "| --- |" + " ---: |" * 5
    assert md.splitlines()[2].startswith(f"| a | 20 | {by.sensitivity.value:.3f}")
    assert "10 patients or groups" in tex


def test_names_are_escaped(tmp_path):
    tex, md = written(tmp_path, sample((HOSTILE, "b")))
    check_latex(tex)
    assert latex(HOSTILE) in tex
    assert markdown(HOSTILE) in md
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in md.splitlines()[:5]} == {7}


@pytest.mark.parametrize(
    ("split", "word"), [({"method": "images"}, "too good"), ({}, "not known"), ({"method": "random"}, None)]
)
def test_the_caption_says_where_the_split_is_not_by_group(tmp_path, split, word):
    scores = sample(("a", "b"), split=split, groups=[f"g{k // 3}" for k in range(30)])
    tex, md = written(tmp_path, scores)
    for text in (tex, md):
        assert [one for one in ("too good", "not known") if one in text] == ([word] if word else [])


def test_what_is_undefined_is_a_dash(tmp_path):
    tex, _ = written(tmp_path, collect_classified(["a"], np.array([[0.8, 0.2]]), ("a", "b")))
    check_latex(tex)
    assert body(tex)[2][2:5] == ["--", "1.000", "--"]
