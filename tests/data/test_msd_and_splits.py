"""The MSD reader and the folds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from medse.data.cases import Case
from medse.data.msd import read_msd
from medse.data.splits import make_folds
from medse.errors import InputError
from medse.labels import Labels


def test_reads_cases_channels_and_classes(make_msd: Callable[..., Path]) -> None:
    root = make_msd(cases=3, channels=2)
    found = read_msd(root)
    assert found.channels == ("channel0", "channel1")
    assert found.labels == Labels(("bright", "dim"), (3, 7))
    assert [case.id for case in found.cases] == ["ball_00", "ball_01", "ball_02"]
    assert found.cases[1].images == (root / "imagesTr" / "ball_01.nii.gz",)


def change(root: Path, **changes: Any) -> None:
    content = json.loads((root / "dataset.json").read_text()) | changes
    (root / "dataset.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modality": None}, "names no channels"),
        ({"training": []}, 'lists no cases under "training"'),
        ({"training": ["a.nii.gz"]}, "is not a pair"),
        (
            {"training": [{"image": "imagesTr/x.nii.gz", "label": "labelsTr/x.nii.gz"}]},
            "x.nii.gz, which does not exist",
        ),
    ],
)
def test_bad_entries_are_explained(make_msd: Callable[..., Path], changes: Any, message: str) -> None:
    root = make_msd()
    change(root, **changes)
    with pytest.raises(InputError, match=message):
        read_msd(root)


def test_a_case_listed_twice_is_refused(make_msd: Callable[..., Path]) -> None:
    root = make_msd()
    entries = json.loads((root / "dataset.json").read_text())["training"]
    change(root, training=[*entries, entries[0]])
    with pytest.raises(InputError, match="lists case 'ball_00' twice"):
        read_msd(root)


def test_no_dataset_json(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset.json does not exist; expected an MSD data set"):
        read_msd(tmp_path)


def cases(sizes: dict[str, int]) -> list[Case]:
    return [Case(f"{group}_{i}", (Path(),), Path(), group) for group, n in sizes.items() for i in range(n)]


def test_folds_part_the_cases_and_keep_groups_together() -> None:
    given = cases({f"p{i:02d}": 1 + i % 4 for i in range(23)})
    folds = make_folds(given, 5, seed=3)
    everyone = sorted(case.id for case in given)
    assert sorted(name for fold in folds for name in fold.validation) == everyone
    for fold in folds:
        assert sorted(fold.training + fold.validation) == everyone
        groups = [{name.split("_")[0] for name in names} for names in (fold.training, fold.validation)]
        assert not groups[0] & groups[1]
    sizes = [len(fold.validation) for fold in folds]
    assert max(sizes) - min(sizes) <= 2


def test_folds_follow_the_seed_alone() -> None:
    given = cases({f"p{i}": 1 for i in range(180)})
    assert make_folds(given, 5, seed=0) == make_folds(given[::-1], 5, seed=0)
    assert make_folds(given, 5, seed=0) != make_folds(given, 5, seed=1)
    assert [len(fold.validation) for fold in make_folds(given, 5, seed=0)] == [36] * 5


def test_too_few_groups() -> None:
    with pytest.raises(InputError, match="5 folds were asked for but the data has 2 groups"):
        make_folds(cases({"a": 9, "b": 9}), 5, seed=0)
