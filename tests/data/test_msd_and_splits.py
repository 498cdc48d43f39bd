"""The MSD reader and the folds."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medse.data.cases import TRAINING_ONLY, Case
from medse.data.readers.msd import read_msd
from medse.data.splits import Method, Split, make_folds
from medse.errors import InputError
from medse.labels import Labels


def test_reads_cases_channels_and_classes(make_msd: Callable[..., Path]) -> None:
    root = make_msd(cases=3, channels=2)
    found = read_msd(root)
    assert found.channels == ("channel0", "channel1")
    assert found.labels == Labels(("bright", "dim"), (3, 7))
    assert [case.id for case in found.cases] == ["ball_0", "ball_1", "ball_2"]
    assert found.cases[1].images == (root / "imagesTr" / "ball_1.nii.gz",)


def change(root: Path, **changes: Any) -> None:
    content = json.loads((root / "dataset.json").read_text()) | changes
    (root / "dataset.json").write_text(json.dumps(content))


def test_cases_are_named_after_folders_where_file_names_repeat(make_msd: Callable[..., Path]) -> None:
    root = make_msd(cases=2)
    pairs = []
    for k in range(2):
        folder = root / f"case_0000{k}" / "anat"
        folder.mkdir(parents=True)
        (root / f"imagesTr/ball_{k}.nii.gz").rename(folder / "imaging.nii.gz")
        (root / f"labelsTr/ball_{k}.nii.gz").rename(folder / "segmentation.nii.gz")
        pairs.append({"image": f"case_0000{k}/anat/imaging.nii.gz", "label": f"{folder}/segmentation.nii.gz"})
    change(root, training=pairs)
    found = read_msd(root)
    assert [case.id for case in found.cases] == ["case_00000", "case_00001"]
    assert found.cases[1].images == (root / "case_00001/anat/imaging.nii.gz",)


def test_the_layout_of_nnunet_is_recognised(make_msd: Callable[..., Path]) -> None:
    root = make_msd(cases=2)
    for path in (root / "imagesTr").iterdir():
        path.rename(path.with_name(path.name.replace(".nii.gz", "_0000.nii.gz")))
    with pytest.raises(
        InputError, match=r"ball_0.nii.gz, which does not exist, but ball_0_0000.nii.gz does.*=nnunet"
    ):
        read_msd(root)


ENTRY = {"image": "imagesTr/ball_0.nii.gz", "label": "labelsTr/ball_0.nii.gz"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modality": None}, "names no channels"),
        ({"training": []}, 'lists no cases under "training"'),
        ({"modality": {"1": "T1"}}, "numbers its channels 1; expected 0; correct the numbers"),
        ({"training": ["a.nii.gz"]}, "is not a pair"),
        ({"training": [{"image": "imagesTr/ball_0.nii.gz"}]}, "is not a pair"),
        ({"training": [{"image": "imagesTr", "label": ""}]}, "imagesTr, which is a folder; correct the path"),
        ({"training": [{"image": "x" * 300, "label": ""}]}, "cannot be reached .File name too long"),
        ({"training": [{"image": "x.nii.gz", "label": "y.nii.gz"}]}, "x.nii.gz, which does not exist"),
        ({"training": [ENTRY, ENTRY]}, "imagesTr/ball_0.nii.gz is given twice; a case counts once"),
        (
            {"training": [ENTRY, ENTRY | {"image": "imagesTr/ball_1.nii.gz"}]},
            "labelsTr/ball_0.nii.gz to case 'ball_0' of group 'ball_0' and to case 'ball_1'",
        ),
        (
            {
                "training": [
                    ENTRY,
                    {"image": ENTRY["label"], "label": "labelsTr/ball_1.nii.gz"},
                    {"image": "imagesTr/ball_1.nii.gz", "label": "labelsTr/ball_2.nii.gz"},
                ]
            },
            "two cases the id 'ball_0', and there are no folders above",
        ),
    ],
)
def test_bad_entries_are_explained(make_msd: Callable[..., Path], changes: Any, message: str) -> None:
    root = make_msd()
    change(root, **changes)
    with pytest.raises(InputError, match=message):
        read_msd(root)


def test_labels_of_the_configuration_replace_those_of_the_file(make_msd: Callable[..., Path]) -> None:
    root = make_msd()
    merged = Labels.from_mapping({"ball": [3, 7]}, "test")
    assert read_msd(root, merged).labels == merged
    change(root, labels=None)
    assert read_msd(root, merged).labels == merged


def test_channels_are_in_the_order_of_their_numbers(make_msd: Callable[..., Path]) -> None:
    root = make_msd(channels=2)
    change(root, modality={"1": "T2", "0": "T1"})
    assert read_msd(root).channels == ("T1", "T2")


def test_no_dataset_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset.json does not exist; expected an MSD data set"):
        read_msd(tmp_path)


def cases(sizes: dict[str, int], stratum: str = "") -> list[Case]:
    return [
        Case(f"{group}_{i}", (Path(),), Path(), group, stratum)
        for group, n in sizes.items()
        for i in range(n)
    ]


def groups(names: tuple[str, ...]) -> set[str]:
    return {name.rpartition("_")[0] for name in names}


def everyone(given: list[Case]) -> list[str]:
    return sorted(case.id for case in given)


@settings(deadline=None)
@given(
    st.dictionaries(
        st.text("ab01", min_size=1), st.tuples(st.integers(1, 4), st.sampled_from("xyz")), min_size=6
    ),
    st.integers(2, 6),
    st.integers(0, 3),
)
def test_random_folds_part_the_cases_and_keep_groups_together(
    sizes: dict[str, tuple[int, str]], count: int, seed: int
) -> None:
    dealt = [case for group, (size, stratum) in sizes.items() for case in cases({group: size}, stratum)]
    folds = make_folds(dealt, count, seed, "random")
    assert sorted(name for fold in folds for name in fold.validation) == everyone(dealt)
    for fold in folds:
        assert fold.training
        assert fold.validation
        assert sorted(fold.training + fold.validation) == everyone(dealt)
        assert not groups(fold.training) & groups(fold.validation)
    for stratum in "xyz":
        members = {case.id for case in dealt if case.stratum == stratum}
        shares = [len(members & set(fold.validation)) for fold in folds]
        assert max(shares) - min(shares) <= max(
            (size for size, its in sizes.values() if its == stratum), default=0
        )


def test_small_strata_do_not_pile_up_in_the_first_fold() -> None:
    dealt = [case for stratum in "abcde" for case in cases({f"{stratum}{i}": 1 for i in range(3)}, stratum)]
    assert [len(fold.validation) for fold in make_folds(dealt, 5, 0, "random")] == [3] * 5


def test_large_groups_are_balanced_by_small_ones() -> None:
    dealt = cases({"a": 1, "b": 1, "c": 1, "d": 1, "e": 4})
    assert [len(fold.validation) for fold in make_folds(dealt, 2, 0, "random")] == [4, 4]


def test_folds_follow_the_seed_alone() -> None:
    dealt = cases({f"p{i}": 1 for i in range(180)})
    assert make_folds(dealt, 5, 0, "random") == make_folds(dealt[::-1], 5, 0, "random")
    assert make_folds(dealt, 5, 0, "random") != make_folds(dealt, 5, 1, "random")
    assert [len(fold.validation) for fold in make_folds(dealt, 5, 0, "random")] == [36] * 5


def test_contiguous_folds_by_hand() -> None:
    dealt = cases({f"p{i}": 1 for i in range(10)}, "a") + cases({f"g{i}": 2 for i in (1, 2, 10, 20, 3)}, "b")
    folds = make_folds(dealt[::-1], 5, 0, "contiguous")
    assert [groups(fold.validation) for fold in folds] == [
        {"p0", "p1", "g1"}, {"p2", "p3", "g2"}, {"p4", "p5", "g3"}, {"p6", "p7", "g10"}, {"p8", "p9", "g20"},
    ]  # fmt: skip
    left_out = [groups(tuple(everyone(dealt))) - groups(f.training) - groups(f.validation) for f in folds]
    assert left_out == [
        {"p2", "g2"}, {"p1", "p4", "g1", "g3"}, {"p3", "p6", "g2", "g10"}, {"p5", "p8", "g3", "g20"}, {"p7", "g10"},
    ]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=6, max_size=40), st.integers(2, 5), st.integers(1, 3))
def test_contiguous_folds_are_blocks_between_two_gaps(sizes: list[int], count: int, strata: int) -> None:
    """Draw each fold as a string over the ordered groups: validation a block, one group missing on its sides."""
    dealt = [
        case
        for stratum in range(strata)
        for case in cases({f"s{stratum}-{i}": size for i, size in enumerate(sizes)}, str(stratum))
    ]
    folds = make_folds(dealt, count, 0, "contiguous")
    assert sorted(name for fold in folds for name in fold.validation) == everyone(dealt)
    for stratum in range(strata):
        blocks = []
        for fold in folds:
            drawn = "".join(
                "v" if f"s{stratum}-{i}" in groups(fold.validation)
                else "t" if f"s{stratum}-{i}" in groups(fold.training) else "."
                for i in range(len(sizes))
            )  # fmt: skip
            assert re.fullmatch(r"(t*\.)?v+(\.t*)?", drawn)
            blocks.append(drawn.index("v"))
            assert drawn.count("v") in (len(sizes) // count, len(sizes) // count + 1)
        assert blocks == sorted(blocks)


def test_a_stratum_that_a_fold_does_not_validate_on_is_trained_on_in_full() -> None:
    dealt = cases({f"p{i}": 1 for i in range(5)}, "a") + cases({"g0": 1, "g1": 1}, "b")
    folds = make_folds(dealt, 5, 0, "contiguous")
    assert [groups(fold.training) & {"g0", "g1"} for fold in folds] == [{"g0", "g1"}] * 2 + [
        set(), {"g0", "g1"}, set(),
    ]  # fmt: skip


def test_folds_that_the_data_gives_override_everything() -> None:
    dealt = [
        replace(case, fold=fold) for case, fold in zip(cases({"a": 3, "b": 2}), [0, 0, 0, 1, 1], strict=True)
    ]
    expected = (Split(("b_0", "b_1"), ("a_0", "a_1", "a_2")), Split(("a_0", "a_1", "a_2"), ("b_0", "b_1")))
    for method in ("random", "contiguous"):
        assert make_folds(dealt, 5, 0, method) == expected
    marked = [replace(case, fold=TRAINING_ONLY if case.group == "a" else 0) for case in dealt]
    assert make_folds(marked, 5, 0, "random") == (expected[1],)


@pytest.mark.parametrize(
    ("dealt", "folds", "method", "message"),
    [
        (cases({"a": 9, "b": 9}), 5, "random", "5 folds .* 2 groups"),
        (cases({"a": 9, "b": 9}), 2, "contiguous", "Fold 0 has no cases to train on; .* data.split=random"),
        (
            cases({"a": 1, "b": 1}, "x") + cases({"c": 1, "d": 1}, "y"),
            4,
            "contiguous",
            "Fold 0 .* validate on",
        ),
        (
            cases({"a": 2, "b": 1}, "y") + cases({"a": 1}, "x"),
            2,
            "random",
            "Group 'a' .* strata, 'x' and 'y'",
        ),
    ],
)
def test_folds_that_cannot_be_dealt(dealt: list[Case], folds: int, method: Method, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_folds(dealt, folds, 0, method)
