"""Which classes are scored: order, unions, tolerances, and names that do not exist."""

import pytest

from medse.config.sections import Evaluation
from medse.errors import InputError
from medse.evaluate.classes import ScoredClass, scored_classes

NAMES = ("left", "right", "tumour")
PARTS = {"left": frozenset({1, 4}), "right": frozenset({2, 4})}  # 4: both masks at once


def named(options: Evaluation) -> dict[str, ScoredClass]:
    return {one.name: one for one in scored_classes(NAMES, options)}


def test_all_and_then_the_merged_ones() -> None:
    found = scored_classes(NAMES, Evaluation(merged={"both": ("left", "right")}))
    assert [one.name for one in found] == ["left", "right", "tumour", "both"]
    assert [one.parts for one in found] == [("left",), ("right",), ("tumour",), ("left", "right")]


def test_members_are_unions_and_absent_classes_have_none() -> None:
    found = named(Evaluation(merged={"both": ("left", "right"), "rest": ("tumour", "left")}))
    assert found["both"].members(PARTS) == {1, 2, 4}
    assert found["rest"].members(PARTS) == {1, 4}
    assert found["tumour"].members(PARTS) == frozenset()


@pytest.mark.parametrize("chosen", [("tumour", "left"), ("both",)])
def test_a_choice_keeps_its_order(chosen: tuple[str, ...]) -> None:
    found = scored_classes(NAMES, Evaluation(merged={"both": ("left", "right")}, classes=chosen))
    assert tuple(one.name for one in found) == chosen


def test_tolerance_for_all_or_by_class() -> None:
    merged = {"both": ("left", "right")}
    assert {one.tolerance_mm for one in named(Evaluation(tolerance_mm=2.0, merged=merged)).values()} == {2.0}
    some = named(Evaluation(tolerance_mm={"both": 0.0, "left": 1.0}, merged=merged))
    assert [one.tolerance_mm for one in some.values()] == [1.0, None, None, 0.0]
    assert {one.tolerance_mm for one in named(Evaluation()).values()} == {None}


def test_tubes_and_lesions() -> None:
    found = named(
        Evaluation(centreline=("left",), lesions=("tumour", "both"), merged={"both": ("left", "right")})
    )
    assert [one.centreline for one in found.values()] == [True, False, False, False]
    assert [one.lesions for one in found.values()] == [False, False, True, True]


@pytest.mark.parametrize("key", ["classes", "tolerance_mm", "centreline", "lesions", "merged"])
def test_every_option_refuses_what_does_not_exist(key: str) -> None:
    given = {"tolerance_mm": {"tumor": 1.0}, "merged": {"x": ("tumor",)}}.get(key, ("tumor",))
    with pytest.raises(InputError, match=rf"^evaluation.{key}.* names the class 'tumor', .*mean 'tumour'"):
        scored_classes(NAMES, Evaluation.model_validate({key: given}))


def test_merged_classes_are_of_the_files_and_no_namesakes() -> None:
    """A merged class is no part of another: the order in which they are written would matter."""
    with pytest.raises(InputError, match="names the class 'both', which does not exist"):
        scored_classes(NAMES, Evaluation(merged={"both": ("left", "right"), "all": ("both", "tumour")}))
    with pytest.raises(InputError, match="the files have a class of that name"):
        scored_classes(NAMES, Evaluation(merged={"tumour": ("left",)}))
