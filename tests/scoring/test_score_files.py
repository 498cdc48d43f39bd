"""``scores.csv`` and ``scores.json``: exact columns, strict JSON, and a reader that refuses damage."""

import json
import math

import numpy as np
import pytest

from medse.errors import InputError
from medse.metrics.rows import ScoreRow
from medse.metrics.scores import Scores, Settings
from medse.metrics.summaries import summarise_rows
from medse.scoring.score_files import read_scores, write_scores

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
    ],
)
def test_damage_is_refused(tmp_path, name, old, new, said):
    write_scores(tmp_path, make_scores())
    path = tmp_path / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match="run medse evaluate again") as caught:
        read_scores(tmp_path)
    assert said in str(caught.value)


def test_a_table_cut_short_is_refused(tmp_path):
    write_scores(tmp_path, make_scores())
    path = tmp_path / "scores.csv"
    path.write_text(
        "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8"
    )
    with pytest.raises(InputError, match="1 rows where 2 cases and 1 classes make 2"):
        read_scores(tmp_path)
