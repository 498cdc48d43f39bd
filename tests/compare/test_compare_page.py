"""The page, its tables and its words."""

import base64
import csv
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from medse.compare import figures
from medse.compare.compare import compare_reports
from medse.compare.result import Comparison
from medse.compare.wording import Wording, cautions, p_value
from medse.errors import InputError
from tests.support.made_up_scores import Page, check_policy, write_evaluated

RNG = np.random.default_rng(3)
BASE = RNG.beta(8, 2, (24, 2)) * 0.8
NOISE = RNG.normal(0, 0.01, (24, 2))
Run = Callable[..., tuple[Comparison, Page]]
HOSTILE = "<script>alert('x')</script> $a_b$ \"q\" &amp;"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that compares tables of Dice, a list of them being trainings."""

    def compared(score: str = "dice", **models: object) -> tuple[Comparison, Page]:
        arguments = []
        for name, tables in models.items():
            for k, table in enumerate(tables if isinstance(tables, list) else [tables]):
                folder = write_evaluated(tmp_path / f"{name}-{k}", table, hd95_mm=np.asarray(table) * 10)
                arguments.append(f"{name}={folder}")
        found = compare_reports(arguments, tmp_path / "out", score=score)
        text = (tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")
        return found, Page(text)

    return compared


def test_the_words_of_a_verdict(run: Run) -> None:
    found, page = run(unet=BASE + 0.05 + NOISE, plain=BASE)
    sentence = Wording(found).result()
    assert re.match(
        r"unet is better than plain: mean Dice 0\.\d{3} against .* difference \+0\.\d{4}, ", sentence
    )
    assert sentence in page.text
    assert "The seed condition was not checked" in page.text


def test_lower_is_better_in_millimetres(run: Run) -> None:
    found, page = run(score="hd95_mm", unet=BASE + 0.05 + NOISE, plain=BASE)
    assert re.match(r"unet is worse than plain: mean HD95 \d\.\d\d mm against", Wording(found).result())
    assert "lower is better" in page.text


def test_seeds_are_told(run: Run) -> None:
    found, page = run(unet=[BASE + 0.05 + NOISE, BASE + 0.051 + NOISE], plain=BASE)
    assert "The seed condition was checked" in page.text
    assert "from unet (1 degree of freedom)" in page.text
    assert any("degrees of freedom: 1" in caution for caution in cautions(found))


@pytest.mark.parametrize(("first", "second"), [(6, 0), (0, 2)])
def test_masks_of_one_model_alone_are_a_caution(run: Run, first: int, second: int) -> None:
    compared, _ = run(a=BASE, b=BASE)
    assert not any("False-positive" in caution for caution in cautions(compared))
    overall, *classes = compared.found.rows
    row = overall.model_copy(update={"false_positives_first": first, "false_positives_second": second})
    found = compared.found.model_copy(update={"rows": (row, *classes)})
    other = compared.model_copy(update={"found": found})
    assert any(f"{first} of a only and {second} of b only" in caution for caution in cautions(other))


def test_differences_are_drawn_at_their_size(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []
    monkeypatch.setattr(figures, "to_svg", lambda figure: drawn.append(figure) or b"<svg/>")
    run(a=BASE + NOISE, b=BASE)
    (axes,) = drawn[0].axes
    points = [np.asarray(scatter.get_offsets()).T for scatter in axes.collections]
    for height, ((x, y), differences) in enumerate(zip(points, [NOISE.mean(axis=1), *NOISE.T], strict=True)):
        np.testing.assert_allclose(x, differences, atol=1e-9)
        assert (abs(y - height) < 0.5).all()


def test_three_models_have_ranks_and_two_have_differences(run: Run, tmp_path: Path) -> None:
    found, page = run(a=BASE, b=BASE + 0.05 + NOISE, c=BASE + 5 * NOISE)
    (image,) = [attributes for tag, attributes in page.tags if tag == "img"]
    assert str(image["alt"]).startswith("Average ranks")
    assert b"<svg" in base64.b64decode(str(image["src"]).partition("base64,")[2])
    assert Wording(found).result().startswith("b has the highest mean Dice")
    assert "better than a" in Wording(found).result()
    two = compare_reports([f"{tmp_path}/a-0", f"{tmp_path}/b-0"], tmp_path / "two")
    assert two.found.ranks is None
    assert "Paired differences, a-0 minus b-0" in (tmp_path / "two" / "comparison.html").read_text(
        encoding="utf-8"
    )


def test_nothing_outside_the_page_and_nothing_unescaped(tmp_path: Path) -> None:
    folders = []
    for k in range(3):
        folder = write_evaluated(
            tmp_path / str(k), BASE + k * NOISE, classes=(HOSTILE, "b"), not_scored={HOSTILE: "x"}
        )
        folders.append(f"{k}<b>={folder}")
    for names in (folders, folders[:2]):
        out = tmp_path / f"out{len(names)}"
        compare_reports(names, out)
        text = (out / "comparison.html").read_text(encoding="utf-8")
        page = Page(text)
        assert "<script>alert" not in text
        assert HOSTILE.split(" $")[0] in page.text
        assert not [tag for tag, _ in page.tags if tag in ("b", "link", "iframe")]
        check_policy(text)
        sources = [
            attributes[key] for _, attributes in page.tags for key in ("src", "href") if key in attributes
        ]
        assert sources
        assert all(str(source).startswith("data:image/svg+xml;base64,") for source in sources)
        assert not re.search(r"https?://", text)
        assert str(tmp_path) not in text + (out / "comparison.json").read_text(encoding="utf-8")


def test_files_hold_the_same_rows(run: Run, tmp_path: Path) -> None:
    found, _ = run(a=BASE, b=BASE + NOISE, c=BASE)
    with (tmp_path / "out" / "comparison.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == len(found.found.rows) == 9
    for row, line in zip(found.found.rows, rows, strict=True):
        assert (line["scope"], line["label"], line["first"], line["verdict"]) == (
            row.scope, row.label, row.first, row.verdict,
        )  # fmt: skip
        assert float(line["difference"]) == row.difference
    text = (tmp_path / "out" / "comparison.json").read_text(encoding="utf-8")
    assert json.loads(text)["found"]["rows"][0]["seed_floor"] is None
    np.testing.assert_equal(Comparison.model_validate_json(text).model_dump(), found.model_dump())


def test_what_limits_belief_is_said(tmp_path: Path) -> None:
    table = BASE[:4].copy()
    table[0, 1] = math.nan
    facts = {"missing_predictions": ("x",), "geometry_fixed": ("y",), "resampled": ("z", "w")}
    write_evaluated(tmp_path / "a", table, settings=facts)
    write_evaluated(tmp_path / "b", table + 0.01, not_scored={"broken": "unreadable"})
    found = compare_reports([f"{tmp_path}/a", f"{tmp_path}/b"], tmp_path / "out")
    said = "\n".join(cautions(found))
    page = Page((tmp_path / "out" / "comparison.html").read_text(encoding="utf-8")).text
    for words in (
        "There are 4 independent", "In 3 of 3 rows", "scored as the worst: a 1.", "overridden: a 1.",
        "resampled: a 2.", "in no comparison: broken.",
    ):  # fmt: skip
        assert words in said
        assert words in page
    assert "spleen 3 1 0 0 0 0 0 0" in page  # compared, undefined in both, ...


def test_out_is_protected(tmp_path: Path) -> None:
    folders = [str(write_evaluated(tmp_path / name, BASE + k)) for k, name in enumerate("ab")]
    with pytest.raises(InputError, match="exists and is not empty"):
        compare_reports(folders, tmp_path)
    with pytest.raises(InputError, match="lies in the input folder"):
        compare_reports(folders, tmp_path / "a" / "out")
    assert not (tmp_path / "a" / "out").exists()


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< .001"), (0.0314, ".031"), (1, "1.000"), (math.nan, "–")])
def test_p_values(p: float, text: str) -> None:
    assert p_value(p) == text
