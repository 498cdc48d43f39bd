"""The tables for papers: complete, escaped, and formed as their languages want."""

import math
import re

import pytest

from medse.pages.paper_tables import latex
from medse.report.paper_tables import latex_table, markdown_table
from tests.support.made_up_scores import collect, row

HOSTILE = "a_b & 100% $x$ #1 {c}~^\\ <d> | `e` *f* [g]\nh"


def body(text):
    """Cells of the lines of a LaTeX table, its heading first."""
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", line[:-3])] for line in lines]


def check_latex(text):
    """Balanced braces and environments; as many cells in each line as columns; nothing unescaped."""
    plain = re.sub(r"\\[\\{}$%&#_]", "", text)
    assert plain.count("{") == plain.count("}")
    assert plain.count("$") % 2 == 0
    opened, closed = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert opened == closed[::-1]
    columns = re.search(r"\\begin{(?:tabular|longtable)}{(\w+)}", text)[1]
    assert {len(line) for line in body(text)} == {len(columns)}
    assert text.count("\\toprule") == text.count("\\bottomrule") == 1
    assert not re.search(r"(?<!\\)[#_]", re.sub(r"\\label{[^}]*}|\\usepackage{[^}]*}", "", text))
    assert text.isascii()


def scores_of(labels, cases=3, **more):
    rows = [
        row(f"c{i}", label, 0.9 - 0.1 * i, hd95_mm=1.0 + i, assd_mm=0.5, nsd=0.8)
        for i in range(cases)
        for label in labels
    ]
    return collect(rows, settings={"tolerance_mm": dict.fromkeys(labels, 2.0), "distances": True}, **more)


def test_numbers_are_those_of_the_summaries():
    scores = scores_of(["liver"])
    entry = scores.summaries.classes[0]
    text = latex_table(scores)
    check_latex(text)
    heading, line, last = body(text)
    assert heading == ["Class", "n", "Dice", "HD95 (mm)", "ASSD (mm)", "NSD"]
    d, h = entry.dice, entry.hd95_mm.every
    assert line[1] == "3"
    assert line[2] == rf"0.800 $\pm$ 0.100 [{d.low_95:.3f}, {d.high_95:.3f}]"
    assert line[3] == rf"2.00 $\pm$ 1.00 [{h.low_95:.2f}, {h.high_95:.2f}]"
    assert last[:3] == ["Mean over classes", "3", line[2]]
    for said in ("convention medse", "95\\% interval", "10 resamples", "Tolerance of NSD: 2 mm", "diagonal"):
        assert said in text
    markdown = markdown_table(scores)
    assert "| liver | 3 | 0.800 ± 0.100 " in markdown
    assert markdown.splitlines()[1] == "| --- | ---: | ---: | ---: | ---: | ---: |"


def test_what_was_not_computed_has_no_column():
    (heading, *_) = body(latex_table(collect([row("a", "liver", 0.5), row("b", "liver", 0.7)])))
    assert heading == ["Class", "n", "Dice"]


def test_names_are_escaped():
    scores = scores_of([HOSTILE, "b"])
    check_latex(latex_table(scores))
    lines = markdown_table(scores).splitlines()[:5]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {7}
    assert "&lt;d&gt; \\| \\`e\\` \\*f\\* \\[g\\] h" in lines[2]
    assert latex("50%_\\") == r"50\%\_\textbackslash{}"


@pytest.mark.parametrize(("classes", "environment"), [(40, "table"), (41, "longtable")])
def test_many_classes_run_over_pages(classes, environment):
    text = latex_table(scores_of([f"c{k}" for k in range(classes)]))
    check_latex(text)
    assert f"\\begin{{{environment}}}" in text
    assert ("longtable}" in text.splitlines()[0]) == (environment == "longtable")


def test_left_out_distances_are_counted():
    rows = [
        row("a", "x", 0.9, hd95_mm=1.0),
        row("b", "x", 0.0, hd95_mm=math.inf),
        row("c", "x", 0.7, hd95_mm=3.0),
    ]
    text = latex_table(collect(rows, convention="deepmind", not_scored={"d": "because."}))
    assert body(text)[1][3].endswith("(n = 2)")
    assert "infinite distances are left out" in text
    assert "left out: 1." in text


def test_a_class_that_never_occurs_has_dashes():
    text = latex_table(collect([row("a", "x", math.nan), row("a", "y", 0.5)]))
    assert body(text)[1] == ["x", "0", "--"]
    assert body(text)[2][2] == "0.500"
