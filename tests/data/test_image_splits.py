"""Folds of images: every class on both sides, groups together unless that is what is to be shown."""

from collections import Counter
from pathlib import Path

import pytest

from medse.data.cases import TRAINING_ONLY
from medse.data.images.cases import TEST, ImageCase
from medse.data.images.splits import ImageMethod, make_image_folds, method_of
from medse.errors import InputError


def cases(sizes: dict[str, int], label: str, fold: int | None = None) -> list[ImageCase]:
    return [
        ImageCase(f"{group}_{i}", Path(), label, group, fold=fold)
        for group, n in sizes.items()
        for i in range(n)
    ]


def groups(names: tuple[str, ...]) -> set[str]:
    return {name.rpartition("_")[0] for name in names}


DEALT = cases({f"x{i}": 3 for i in range(11)}, "x") + cases({f"y{i}": 2 for i in range(7)}, "y")


@pytest.mark.parametrize("method", ["random", "images"])
def test_every_image_is_validated_on_once_and_classes_are_spread(method: ImageMethod) -> None:
    aside = cases({"x99": 4}, "x", TEST)
    folds = make_image_folds(DEALT + aside, 3, 0, method)
    assert sorted(n for fold in folds for n in fold.validation) == sorted(case.id for case in DEALT)
    assert all(sorted(fold.training + fold.validation) == sorted(c.id for c in DEALT) for fold in folds)
    shares = [Counter(name[0] for name in fold.validation) for fold in folds]
    step = {"random": 3, "images": 1}[method]
    assert all(max(s[k] for s in shares) - min(s[k] for s in shares) <= step for k in "xy")
    together = [not groups(fold.training) & groups(fold.validation) for fold in folds]
    assert all(together) if method == "random" else not any(together)


def test_contiguous_folds_leave_out_the_groups_beside() -> None:
    dealt = cases({f"x{i}": 1 for i in range(10)}, "x") + cases({f"y{i}": 1 for i in range(10)}, "y")
    first, second, *_ = make_image_folds(dealt, 5, 0, "contiguous")
    assert groups(first.validation) == {"x0", "x1", "y0", "y1"}
    assert groups(tuple(case.id for case in dealt)) - groups(second.training) - groups(second.validation) == {
        "x1", "x4", "y1", "y4",
    }  # fmt: skip


def test_a_group_with_two_classes_stays_together() -> None:
    mixed = [
        ImageCase("p_0", Path(), "x", "p"),
        ImageCase("p_1", Path(), "y", "p"),
        ImageCase("p_2", Path(), "y", "p"),
    ]
    for fold in make_image_folds(DEALT + mixed, 3, 0, "random"):
        assert len({"p_0", "p_1", "p_2"} & set(fold.validation)) in (0, 3)


def test_given_folds_count_except_for_images() -> None:
    given = [
        *cases({"a": 2}, "x", TRAINING_ONLY), *cases({"b": 2}, "y", TRAINING_ONLY), *cases({"c": 2}, "x", 0),
        *cases({"d": 2}, "y", 0), *cases({"e": 1}, "y", TEST),
    ]  # fmt: skip
    (only,) = make_image_folds(given, 4, 0, "random")
    assert groups(only.training) == {"a", "b"}
    assert groups(only.validation) == {"c", "d"}
    assert len(make_image_folds(given, 4, 0, "images")) == 4
    assert (method_of(given, "random"), method_of(given, "images")) == ("given", "images")
    assert method_of([case for case in given if case.fold == TEST] + DEALT, "contiguous") == "contiguous"


@pytest.mark.parametrize(
    ("dealt", "expected", "remedy"),
    [
        (DEALT + cases({"z0": 5}, "z"), "Class 'z' has one group", "other groups"),
        (DEALT + cases({"z0": 5, "z1": 4}, "z"), r"Fold \d validates on no case of class 'z'", "data.folds"),
        (
            cases({"a": 1}, "x", 0) + cases({"b": 1}, "x", 1) + cases({"c": 1}, "y", 0),
            "Fold 0 trains on no case of class 'y'",
            "correct the folds",
        ),
    ],
)
def test_a_class_that_is_absent_in_a_fold_is_refused(
    dealt: list[ImageCase], expected: str, remedy: str
) -> None:
    with pytest.raises(InputError, match=expected) as caught:
        make_image_folds(dealt, 3, 0, "random")
    assert remedy in str(caught.value)
