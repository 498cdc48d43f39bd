"""Sections of the page, from scores made up for them."""

import math
import re

import pytest

from medse.report import tables
from medse.report.report import render
from medse.scores.scores import ConventionRow, DetailRow, LesionRow
from tests.support.made_up_scores import Page, check_policy, collect, make_scores, row

HOSTILE = "</script><script>x</script><img src=q onerror=1>'\"&_{{ 7 * 7 }}"


def page_of(scores):
    """The page without its drawings, style and script."""
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", render(scores, [], with_images=False))
    assert Page(text).open == []
    return text.split("</style>")[1].split("<script>")[0]


def section(text, name):
    return text.split(f'<h2 id="{name}">')[1].split("</section>")[0]


def words(html):
    """What a reader sees, with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def lesion(case, label, outcome, ml=1.0):
    return LesionRow(
        case=case, label=label, side="reference", lesion=1, outcome=outcome, dice=0.0, volume_ml=ml
    )


def test_hostile_names_stay_text_wherever_they_stand():
    settings = {
        "references": HOSTILE, "predictions": HOSTILE, "cases_file": HOSTILE, "labels": {HOSTILE: [1, 2]},
        "geometry_fixed": (HOSTILE,), "resampled": (HOSTILE,), "missing_predictions": (HOSTILE,),
        "merged": {HOSTILE: [HOSTILE]}, "distances": True, "tolerance_mm": {HOSTILE: 1.0}, "centreline": (HOSTILE,),
        "lesions": (HOSTILE,), "lesion_rule": HOSTILE, "interval_method": HOSTILE,
    }  # fmt: skip
    counts = {"lesions_reference": 1, "lesions_prediction": 0, "lesions_matched": 0, "centreline_dice": 0.5}
    text = render(
        collect(
            [row(HOSTILE, HOSTILE, 0.5, group=HOSTILE, hd95_mm=1.0, nsd=0.5), row("b", HOSTILE, 0.5, group=HOSTILE)],
            convention=HOSTILE,
            settings=settings,
            not_scored={HOSTILE: HOSTILE},
            details=tuple(DetailRow(case=case, label=HOSTILE, **counts) for case in (HOSTILE, "b")),
            lesions=(lesion(HOSTILE, HOSTILE, "false negative"),),
            beside=(ConventionRow(case=HOSTILE, label=HOSTILE, convention=HOSTILE, dice=0.4),),
        ),
        [],
        with_images=False,
    )  # fmt: skip
    page = Page(text)
    assert page.open == []
    assert len(page.all("script")) == 1
    assert all(image["src"].startswith("data:") for image in page.all("img"))
    assert "49" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text).split("</style>")[1].split("<script>")[0]
    assert text.count("&lt;img src=q onerror=1&gt;") > 25


def test_only_the_page_s_own_script_may_run():
    check_policy(render(make_scores([[0.5]]), [], with_images=False))


def test_what_was_not_scored_is_said_first():
    text = page_of(
        collect([row("a", "x", 0.5)], not_scored={"case9": "case9.nii.gz cannot be read; mend it."})
    )
    assert text.index('class="alarm"') < text.index("This page says")
    assert "1 case was not scored and is in no number of this page: case9 : case9.nii.gz cannot" in words(
        text
    )
    assert 'class="alarm"' not in page_of(collect([row("a", "x", 0.5)]))


@pytest.mark.parametrize(
    ("field", "sentence", "note"),
    [
        ("missing_predictions", "1 prediction is missing and scored as the worst", "no prediction"),
        ("resampled", "1 prediction lay on another grid and was resampled", "resampled"),
        ("geometry_fixed", "The geometry of 1 prediction differed", "geometry overridden"),
    ],
)
def test_cases_that_are_special_are_named_on_top_and_marked(field, sentence, note):
    text = page_of(collect([row("a", "x", 0.5), row("b", "x", 0.5)], settings={field: ("a",)}))
    assert sentence in words(text.split("<main>")[0])
    assert re.findall(r'<small class="flag">(.*?)</small>', text) == [note]
    assert note not in words(page_of(collect([row("a", "x", 0.5)])).split("How the numbers")[0])


@pytest.mark.parametrize(("labels", "flagged"), [(None, True), ({"x": [1]}, False)])
def test_classes_without_names_are_flagged(labels, flagged):
    text = page_of(collect([row("a", "x", 0.5)], settings={"labels": labels}))
    assert ("Class names were not given" in text) is flagged


def far(values, **more):
    rows = [row(f"c{i}", "x", 0.5, hd95_mm=value, assd_mm=0.2, nsd=0.9) for i, value in enumerate(values)]
    return collect(rows, settings={"distances": True, "tolerance_mm": {"x": 2.0}}, **more)


def test_distances_stand_beside_median_and_mean_of_both_masks():
    rows = [row(f"c{i}", "x", 0.5, hd95_mm=value) for i, value in enumerate((1.0, 2.0, 4.5))]
    rows.append(row("c3", "x", 0.0, hd95_mm=500.0, precision=math.nan, recall=0.0))
    text = section(page_of(collect(rows, settings={"distances": True})), "classes")
    head = re.findall(r'<th scope="col">(.*?)</th>', text)[:6]
    assert head == ["Class", "n", "Dice", "HD95, mean", "HD95, median", "HD95, both masks"]
    cells = re.findall(r'<td data-sort="[\d.]+">([\d.]+)<small>', text)[1:4]
    assert cells == ["127", "3.25", "2.50"]
    assert "diagonal of the whole image, which depends on how large a field of view" in words(text)
    assert "ASSD" not in words(text)


def test_infinite_distances_are_shown_and_counted():
    text = page_of(far([1.0, 3.0, math.inf], convention="deepmind"))
    assert "and 1 × ∞" in words(section(text, "classes"))
    assert "gives no finite distance" in words(section(text, "classes"))
    assert "<td>∞</td>" in section(text, "cases")
    assert not re.search(r"\b(inf|nan)\b", words(text))


@pytest.mark.parametrize(
    ("tolerances", "heading", "cell"),
    [((2.0, 2.0), "NSD at 2&nbsp;mm", None), ((2.0, 0.5), "NSD", "at 0.5 mm")],
)
def test_the_tolerance_is_said(tolerances, heading, cell):
    scores = make_scores(
        [[0.5, 0.6]],
        more=lambda _i, _k: {"nsd": 0.9},
        settings={"tolerance_mm": {"liver0": tolerances[0], "liver1": tolerances[1]}},
    )
    text = section(page_of(scores), "classes")
    assert f'<th scope="col">{heading}</th>' in text
    assert ("at 0.5 mm" in words(text)) == (cell is not None)


def test_lesions_are_listed_worst_first_and_limited(monkeypatch):
    monkeypatch.setattr("medse.report.tables.MOST_LESIONS", 2)
    counts = {"lesions_reference": 3, "lesions_prediction": 2, "lesions_matched": 1, "lesion_f1": 0.4}
    scores = collect(
        [row("a", "met", 0.5)],
        settings={"lesions": ("met",), "lesion_rule": "Two lesions belong together."},
        details=(DetailRow(case="a", label="met", lesion_dice=0.7, **counts),),
        lesions=(
            lesion("a", "met", "false negative", 0.5),
            lesion("a", "met", "false negative", 7.0),
            lesion("a", "met", "false negative"),
        ),
    )
    text = section(page_of(scores), "lesions")
    assert "Two lesions belong together." in text
    assert "anterior" not in text
    assert re.search(
        r'<th scope="row">met</th><td>3</td><td>2</td><td>1</td><td>0.333</td><td>0.500</td>', text
    )
    assert "Shown are the 2 worst of 3; all are in lesions.csv ." in words(text)
    assert re.findall(r"<td>0.000</td>\s*<td>1</td><td>([\d.]+)</td>", text) == ["7.00", "1.00"]
    assert 'id="lesions"' not in page_of(collect([row("a", "met", 0.5)]))


def test_conventions_stand_side_by_side():
    beside = (
        ConventionRow(case="a", label="x", convention="monai", dice=0.5, hd95_mm=math.nan),
        ConventionRow(case="b", label="x", convention="monai", dice=0.7, hd95_mm=math.inf),
        *(ConventionRow(case=case, label="x", convention="nnunet", dice=0.5) for case in "ab"),
    )
    rows = [row("a", "x", 0.4, hd95_mm=1.0), row("b", "x", 0.4, hd95_mm=2.0)]
    text = section(page_of(collect(rows, beside=beside)), "conventions")
    first = text.split("<tbody>")[1].split("</tbody>")[0]
    assert [words(line) for line in first.split("</tr>")[:3]] == [
        "medse (this report) 0.400 n = 2 1.50 n = 2",
        "monai 0.600 n = 2 – n = 0 1 undefined 1 × ∞",
        "nnunet 0.500 n = 2 not defined",
    ]
    assert "single precision" in text  # the rule of monai
    assert 'id="conventions"' not in page_of(collect(rows))


def test_the_table_of_all_rows_is_limited_to_the_worst(monkeypatch):
    monkeypatch.setattr(tables, "MOST_ROWS", 3)
    scores = make_scores([[0.9, 0.2, math.nan], [0.1, 0.5, 0.8]])
    text = section(page_of(scores), "cases")
    assert "the 3 lowest Dice of 6" in text
    table = text.split('id="by-case-and-class"')[1]
    assert re.findall(r'<tr data-below="(.*?)">', table) == ["0.1", "0.2", "0.5"]


def test_groups_are_shown_where_they_are_known():
    rows = [row(f"c{i}", "x", 0.5, group="p") for i in range(2)]
    assert '<td class="text">p</td>' in section(page_of(collect(rows)), "cases")
    assert "Group" not in section(page_of(collect([row("a", "x", 0.5)])), "cases")


def test_without_script_nothing_that_needs_it_is_shown():
    page = Page(render(make_scores([[0.5, 0.6]]), [], with_images=False))
    filters = [attributes for attributes in page.all("div") if attributes.get("class") == "filter"]
    assert len(filters) == 2
    assert all("hidden" in attributes for attributes in filters)
