"""``scores.csv`` and ``scores.json``: exact columns, strict JSON, and a reader that refuses damage."""

import csv
import json
import math

import numpy as np
import pytest

from medse.errors import InputError
from medse.scores.files import check_names, read_scores, write_scores
from medse.scores.scores import ConventionRow, DetailRow, LesionRow, ScoreRow, Scores, Settings
from medse.scores.summaries import summarise_rows

COLUMNS = (
    "case,group,label,value,dice,iou,precision,recall,hd_mm,hd95_mm,assd_mm,nsd,"
    "volume_reference_ml,volume_prediction_ml"
)


def make_scores() -> Scores:
    rows = tuple(
        ScoreRow(
            case=case, group=case, label=label, value=3, dice=dice, iou=dice / 2, precision=math.nan,
            recall=0.25, volume_reference_ml=1.5, volume_prediction_ml=0.0,
        )
        for case, label, dice in (("a,b", 'left "x"', 0.1), ("c", 'left "x"', math.nan))
    )  # fmt: skip
    settings = Settings(
        references="r", predictions="p", labels={"tumour": [1, 2]}, cases_file=None,
        interval_method="m", interval_level=0.95, interval_resamples=10, interval_seed=1,
    )  # fmt: skip
    return Scores(
        convention="medse", created="2025-01-01T00:00:00+00:00", versions={"numpy": "2"}, settings=settings,
        summaries=summarise_rows(rows), rows=rows,
    )  # fmt: skip


def refuse_constant(name):
    raise AssertionError(f"{name} is not JSON")


def test_table_is_as_documented(tmp_path):
    write_scores(tmp_path, make_scores())
    lines = (tmp_path / "scores.csv").read_bytes().decode("utf-8").split("\n")
    assert lines[0] == COLUMNS
    assert lines[1] == '"a,b","a,b","left ""x""",3,0.1,0.05,nan,0.25,,,,,1.5,0.0'
    assert lines[3:] == [""]


def test_summary_is_strict_json(tmp_path):
    write_scores(tmp_path, make_scores())
    text = (tmp_path / "scores.json").read_text(encoding="utf-8")
    content = json.loads(text, parse_constant=refuse_constant)
    assert content["summaries"]["classes"][0]["precision"]["mean"] is None
    assert content["summaries"]["classes"][0]["dice"]["mean"] == 0.1
    assert "rows" not in content


def test_reads_back_what_was_written(tmp_path):
    scores = make_scores()
    write_scores(tmp_path, scores)
    back = read_scores(tmp_path)
    np.testing.assert_equal(back.model_dump(), scores.model_dump())
    np.testing.assert_equal(
        [row.model_dump() for row in back.rows], [row.model_dump() for row in scores.rows]
    )


def test_missing_scores_name_the_file(tmp_path):
    with pytest.raises(InputError, match=r"scores\.csv does not exist; run medse evaluate first"):
        read_scores(tmp_path)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("scores.json", '"convention"', '"konvention"', "convention: Field required"),
        ("scores.json", "{", "", "cannot be read"),
        ("scores.csv", "dice", "score", "rows.0.dice: Field required"),
        ("scores.csv", "0.1", "high", "rows.0.dice: "),
        ("scores.csv", "\nc,c", "", "Keys should be strings"),
        ("scores.csv", None, b"", "0 rows where 2 cases and 1 classes make 2"),
        ("scores.csv", None, b"\xff\xfe", "cannot be read"),
        ("scores.json", None, b"null", "cannot be read"),
        ("scores.json", None, b"[" * 100_000, "recursion"),
        ("lesions.csv", "matched", "lost", "lesions.0.outcome"),
    ],
)
def test_damage_is_refused(tmp_path, name, old, new, said):
    write_scores(tmp_path, make_scores().model_copy(update={"lesions": LESIONS}))
    path = tmp_path / name
    path.write_bytes(new if old is None else path.read_bytes().replace(old.encode(), new.encode(), 1))
    with pytest.raises(InputError, match="run medse evaluate again") as caught:
        read_scores(tmp_path)
    assert said in str(caught.value)


DETAILS = (
    DetailRow(case="a,b", label='left "x"', lesion_f1=math.nan, lesions_matched=0),
    DetailRow(case="c", label="x"),
)
LESIONS = tuple(
    LesionRow(
        case="c",
        label="x",
        side=side,
        lesion=1,
        outcome=outcome,
        partner=partner,
        dice=1 / 3,
        volume_ml=math.nan,
    )
    for side, outcome, partner in (("reference", "matched", 2), ("prediction", "false positive", None))
)
BESIDE = (
    ConventionRow(case="c", label="x", convention="deepmind", dice=0.0, hd_mm=math.inf, hd95_mm=math.nan),
)


def test_further_tables_are_written_where_they_hold_anything(tmp_path):
    write_scores(tmp_path, make_scores())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.csv", "scores.json"]
    further = {"details": DETAILS, "lesions": LESIONS, "beside": BESIDE}
    scores = make_scores().model_copy(update={**further, "not_scored": {"d": "d.nii cannot be read."}})
    write_scores(tmp_path, scores)
    assert (tmp_path / "lesions.csv").read_text() == (
        "case,label,side,lesion,outcome,partner,dice,volume_ml\n"
        "c,x,reference,1,matched,2,0.3333333333333333,nan\n"
        "c,x,prediction,1,false positive,,0.3333333333333333,nan\n"
    )
    assert (tmp_path / "conventions.csv").read_text().split("\n")[1] == "c,x,deepmind,0.0,,inf,nan,,"
    assert (tmp_path / "details.csv").read_text().split("\n")[2] == "c,x,,,,,,,,"
    back = read_scores(tmp_path)
    assert back.not_scored == {"d": "d.nii cannot be read."}
    for field, rows in further.items():
        np.testing.assert_equal(
            [row.model_dump() for row in getattr(back, field)], [row.model_dump() for row in rows]
        )
    content = json.loads((tmp_path / "scores.json").read_text(), parse_constant=refuse_constant)
    assert not set(further) & set(content)


def test_scores_of_an_older_medse_are_to_be_made_again(tmp_path):
    write_scores(tmp_path, make_scores())
    path = tmp_path / "scores.json"
    older = path.read_text().replace('"form": 2,', "").replace("empty_masks", "ledger")
    path.write_text(older.replace("false_negatives", "missed").replace("false_positives", "hallucinated"))
    with pytest.raises(InputError, match=r"another version of medse .*; run medse evaluate again\.$"):
        read_scores(tmp_path)


FORMULAS = ["=1+1", "+x", "-2+3", "@SUM(1)", "＝1", "'=1", "''=1", "-1e5", "'-3", '="a",b']
PLAIN = ["-3", "+4", "-0.5", "a=1", "'x", "", "−3"]


def test_names_that_a_spreadsheet_would_compute_are_guarded_and_come_back(tmp_path):
    names = [*FORMULAS, *PLAIN]
    rows = tuple(
        LESIONS[1].model_copy(update={"case": name, "label": name, "volume_ml": -0.5}) for name in names
    )
    write_scores(tmp_path, make_scores().model_copy(update={"lesions": rows}))
    with (tmp_path / "lesions.csv").open(encoding="utf-8", newline="") as lines:
        written = list(csv.DictReader(lines))
    assert [line["case"] for line in written] == [*(f"'{name}" for name in FORMULAS), *PLAIN]
    assert {line["volume_ml"] for line in written} == {"-0.5"}
    named = [row for row in rows if row.case]  # a blank name is refused where it is given
    write_scores(tmp_path, make_scores().model_copy(update={"lesions": tuple(named)}))
    assert [row.label for row in read_scores(tmp_path).lesions] == [row.label for row in named]


@pytest.mark.parametrize(
    "name", ["a\u202eb", "a\u2066b", "a\rb", "a\nb", "a\tb", "a\u2028b", "a\udcffb", "\x00", " ", ""]
)
def test_names_that_would_break_a_table(name):
    with pytest.raises(InputError, match=r"The case .* cannot stand in a table; .*; .*\.$"):
        check_names(["fine", name], "case")
    check_names(["ü肝", "<b>", "患者\u30001", "a,b", "=1+1", "'\"", "می\u200cخواهم"], "case")
