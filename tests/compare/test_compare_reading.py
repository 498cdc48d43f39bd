"""Which reports may be compared, and what they are called."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from medse.compare.reading import make_cohort, read_arguments, read_reports
from medse.errors import InputError
from tests.support.made_up_scores import write_evaluated

DICE = np.array([[0.9, 0.8], [0.7, 0.6], [0.5, 0.4]])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["runs/a", "runs/b/"], [("a", "runs/a"), ("b", "runs/b")]),
        (["u=x", "u=y", "s=x"], [("u", "x"), ("u", "y"), ("s", "x")]),
        (["runs/lr=0.1", "./b=c"], [("lr=0.1", "runs/lr=0.1"), ("b=c", "b=c")]),
    ],
)
def test_names(arguments: list[str], expected: list[tuple[str, str]]) -> None:
    assert read_arguments(arguments) == [(name, Path(folder)) for name, folder in expected]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x/report", "y/report"], "x/report and y/report would both be named report"),
        (["report=x", "y/report"], "x and y/report would both be named report"),
        (["x/a", "x/../x/a"], "is given twice as a"),
        (["u=x", "u=./x", "s=y"], "x is given twice as u"),
        (["u=x", "u=y"], "u=x u=y is one model"),
        ([], "No folder was given; .*at least two"),
        (["=x", "y"], "empty name or folder"),
        (["u=", "y"], "empty name or folder"),
    ],
)
def test_names_that_are_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_arguments(arguments)


def test_names_that_look_like_formulas_are_compared_by_their_own_names(tmp_path: Path) -> None:
    classes = ("=1+1", "'-x")
    for model in ("a", "b"):
        write_evaluated(tmp_path / model, DICE, classes=classes, groups=["@p", "+q", "-3"])
    assert "'=1+1" in (tmp_path / "a" / "scores.csv").read_text(encoding="utf-8")
    cohort = make_cohort(read_reports([str(tmp_path / "a"), str(tmp_path / "b")], "dice"), "dice")
    assert cohort.classes == classes
    assert cohort.groups == ("@p", "+q", "-3")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "cases": ({"first_case": 1}, "only in .*a: case_000; only in .*b: case_003"),
    "fewer cases": ({"dice": DICE[:1]}, "case_001, case_002; only in .*b: none"),
    "classes": ({"classes": ("liver", "tumour")}, "spleen.*tumour"),
    "groups": ({"groups": ["p", "p", "case_002"]}, "case_000, case_001; groups must be the same"),
    "references": ({"volume_ml": 2.01}, "the volume of liver in case_000.* and 1 more is not the same"),
    "empty references": ({"dice": DICE * [1, np.nan]}, "spleen in case_000"),
    "convention": ({"convention": "monai"}, "convention; medse against monai"),
    "unit": ({"settings": {"unit": "group"}}, "unit that counts once; case against group"),
    "merged": ({"settings": {"merged": {"x": ["liver", "spleen"]}}}, "merged classes; none against"),
    "ignored": ({"settings": {"labels": {"ignore": 9}}}, "ignored values; none against 9"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_reports_that_cannot_be_compared(tmp_path: Path, what: str) -> None:
    given, said = REFUSED[what]
    write_evaluated(tmp_path / "a", DICE)
    write_evaluated(tmp_path / "b", **{"dice": DICE, **given})
    with pytest.raises(InputError, match=said):
        read_reports([f"{tmp_path}/a", f"{tmp_path}/b"], "dice")


@pytest.mark.parametrize(
    ("score", "folder", "said"),
    [
        ("hd95_mm", "b", r"a has no hd95_mm; the reports share dice, iou;"),
        ("recall", "b", "Unknown score 'recall'"),
        ("dice", "c", r"c/scores\.csv does not exist"),
    ],
)
def test_scores_that_are_not_there(tmp_path: Path, score: str, folder: str, said: str) -> None:
    for name in "ab":
        write_evaluated(tmp_path / name, DICE)
    with pytest.raises(InputError, match=said):
        read_reports([f"{tmp_path}/a", f"{tmp_path}/{folder}"], score)


def test_the_length_of_a_pixel_matters_to_distances_only(tmp_path: Path) -> None:
    for name, mm in (("a", 0.5), ("b", 0.6)):
        write_evaluated(tmp_path / name, DICE, hd95_mm=DICE * 10, settings={"pixel_mm": mm})
    folders = [str(tmp_path / name) for name in "ab"]
    assert len(read_reports(folders, "dice")) == 2
    with pytest.raises(InputError, match=r"length of a pixel; 0\.5 against 0\.6"):
        read_reports(folders, "hd95_mm")


def test_a_copy_is_no_second_training(tmp_path: Path) -> None:
    for name in "abc":
        write_evaluated(tmp_path / name, DICE)
    with pytest.raises(InputError, match="two trainings of u, have the same dice everywhere"):
        read_reports([f"u={tmp_path}/a", f"s={tmp_path}/c", f"u={tmp_path}/b"], "dice")


def test_classes_in_another_order_are_lined_up(tmp_path: Path) -> None:
    write_evaluated(tmp_path / "a", DICE)
    write_evaluated(tmp_path / "b", DICE[:, ::-1] + 0.01, classes=("spleen", "liver"))
    cohort = make_cohort(read_reports([f"{tmp_path}/a", f"{tmp_path}/b"], "dice"), "dice")
    assert cohort.classes == ("liver", "spleen")
    first, second = cohort.trainings
    np.testing.assert_allclose(second.scores, first.scores + 0.01)
    assert not second.empty.any()
