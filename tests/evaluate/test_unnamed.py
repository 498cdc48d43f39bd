"""Label maps whose values nothing names: what both sides must have in common, and masks of one class."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medse.errors import InputError
from medse.evaluate.evaluate import evaluate_folders
from medse.scores.scores import Scores


def boxes(*values: tuple[int, int, int]) -> np.ndarray:
    """Return rows ``start`` to ``stop`` of each value in a picture of 20 rows."""
    array = np.zeros((20, 8), np.uint16)
    for value, start, stop in values:
        array[start:stop, 2:6] = value
    return array


def score(root: Path, cases: dict[str, tuple[np.ndarray, np.ndarray]], **options: object) -> Scores:
    for case, pair in cases.items():
        for side, array in zip(("r", "p"), pair, strict=True):
            (root / side).mkdir(parents=True, exist_ok=True)
            narrow = array.astype(np.uint8 if array.max() < 256 else np.uint16)
            Image.fromarray(narrow).save(root / side / f"{case}.png")
    return evaluate_folders(root / "r", root / "p", root / "out", **options)  # type: ignore[arg-type]


def dice(scores: Scores) -> dict[tuple[str, str], float]:
    return {(row.case, row.label): row.dice for row in scores.rows}


HALF = (2, 10), (6, 14)
"""Rows of a reference and of a prediction that finds half of it: Dice 0.5."""


def masks(reference: int, prediction: int) -> tuple[np.ndarray, np.ndarray]:
    return boxes((reference, *HALF[0])), boxes((prediction, *HALF[1]))


@pytest.mark.parametrize("pair", [(1, 255), (255, 1), (1, 1000), (128, 127)])
def test_masks_that_share_no_value_are_refused(tmp_path: Path, pair: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=rf"r holds {pair[0]} and .*p {pair[1]}; .*--binary, or save"):
        score(tmp_path, {"a": masks(*pair), "b": masks(*pair)})
    assert not (tmp_path / "out").exists()
    found = score(tmp_path / "again", {"a": masks(*pair), "b": masks(*pair)}, binary=True)
    assert dice(found) == {("a", "foreground"): 0.5, ("b", "foreground"): 0.5}
    assert found.settings.binary


def test_several_values_that_share_none_have_no_such_remedy(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 1, 2 and .* 3; ") as caught:
        score(tmp_path, {"a": (boxes((1, 0, 4), (2, 6, 9)), boxes((3, 0, 4)))})
    assert "--binary" not in str(caught.value)


def test_an_empty_prediction_is_no_other_way_of_writing(tmp_path: Path) -> None:
    found = score(tmp_path, {"a": masks(1, 1), "b": (boxes((1, 2, 9)), boxes())})
    assert dice(found) == {("a", "1"): 0.5, ("b", "1"): 0.0}
    alone = score(tmp_path / "alone", {"b": (boxes((1, 2, 9)), boxes())})
    assert dice(alone) == {("b", "1"): 0.0}


def test_a_case_that_mistakes_one_class_for_another_is_scored(tmp_path: Path) -> None:
    """Both values occur on both sides, so they mean the same there."""
    both = boxes((1, 0, 4), (2, 6, 9))
    found = score(tmp_path, {"a": (both, both), "b": masks(1, 2)})
    assert dice(found) == {("a", "1"): 1.0, ("a", "2"): 1.0, ("b", "1"): 0.0, ("b", "2"): 0.0}


@pytest.mark.parametrize("odd", [(1, 255), (255, 1)])
def test_one_case_written_otherwise_is_not_scored(tmp_path: Path, odd: tuple[int, int]) -> None:
    found = score(tmp_path, {"a": masks(1, 1), "b": masks(*odd), "c": masks(1, 1)})
    assert dice(found) == {("a", "1"): 0.5, ("c", "1"): 0.5}
    assert list(found.not_scored) == ["b"]
    assert "--binary" in found.not_scored["b"]


def test_values_that_only_predictions_have_are_remarked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = boxes((1, *HALF[1]), (3, 16, 18))
    with caplog.at_level("INFO", "medse"):
        found = score(tmp_path, {"a": masks(1, 1), "b": (boxes((1, *HALF[0])), more)})
    assert dice(found)["b", "1"] == 0.5
    assert dice(found)["b", "3"] == 0.0
    (remark,) = caplog.messages
    assert "1 value that no reference has: 3, in 1 case: b" in remark


def test_binary_with_a_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"undeclared label values: 255 .* with --binary\."):
        score(tmp_path, {"a": masks(1, 255)}, labels={"tumour": 1})
    found = score(tmp_path / "x", {"a": masks(1, 255)}, labels={"tumour": 1}, binary=True)
    assert dice(found) == {("a", "tumour"): 0.5}


def test_what_is_not_binary(tmp_path: Path) -> None:
    three = boxes((1, 0, 4), (2, 6, 9))
    with pytest.raises(InputError, match=r"p/a\.png is no binary mask: it holds the values 0, 1, 2"):
        score(tmp_path, {"a": (boxes((1, 0, 4)), three)}, binary=True)
    with pytest.raises(
        InputError, match=r"^.*a\.png is no binary mask: .*; the same holds for 2 more: .*\.$"
    ) as both:
        score(tmp_path / "x", dict.fromkeys("abc", (boxes((1, 0, 4)), three)), binary=True)
    assert len(str(both.value).splitlines()) == 1
    for labels in ({"a": 1, "b": 2}, {"a": 1, "ignore": 255}, {"a": [1, 255]}):
        with pytest.raises(InputError, match="--binary reads every label map as the mask of one class"):
            score(tmp_path, {"a": masks(1, 255)}, labels=labels, binary=True)
