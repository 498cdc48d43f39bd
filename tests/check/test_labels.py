"""What label files hold, against a count of one voxel after the other."""

import itertools
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from medse.check import labels as module
from medse.check.labels import LabelSurvey, merge_surveys, survey_label
from medse.errors import InputError
from medse.labels import Labels
from medse.volumes.grid import Grid
from tests.support.orders import ORDERS

LABELS = Labels.from_mapping(
    {"background": [0, 9], "left_x": [4, 5], "right_x": 7, "left_y": 11, "right_y": 12, "ignore": 255}, "test"
)


def oblique() -> np.ndarray:
    affine = np.diag([0.8, 1.1, 3.0, 1.0])
    affine[:3, :3] = Rotation.from_euler("xyz", (25, -30, 140), degrees=True).as_matrix() @ affine[:3, :3]
    affine[:3, 3] = (40, -50, 60)
    return affine


def survey(array: np.ndarray, affine: np.ndarray, oriented: bool = True) -> LabelSurvey:
    return survey_label("a.nii", array, Grid("a.nii", array.shape, affine, oriented=oriented), LABELS)


@pytest.mark.parametrize("chunk", [7, 1 << 20])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64])
def test_counts_and_positions(chunk: int, dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", chunk)
    rng = np.random.default_rng(0)
    array = rng.choice([0, 9, 4, 5, 7, 11, 12, 255, 77, 200], (5, 6, 7)).astype(dtype)
    affine = oblique()
    found = survey(np.asfortranarray(array), affine)
    tally = [0] * 6
    places: dict[int, list[float]] = {k: [] for k in range(6)}
    undeclared = {77: 0, 200: 0}
    for voxel in itertools.product(*map(range, array.shape)):
        value = int(array[voxel])
        if value in undeclared:
            undeclared[value] += 1
            continue
        index = {0: 0, 9: 0, 4: 1, 5: 1, 7: 2, 11: 3, 12: 4, 255: 5}[value]
        tally[index] += 1
        places[index].append(nib.affines.apply_affine(affine, voxel)[0])
    assert found.voxels == tuple(tally)
    assert found.undeclared == undeclared
    with pytest.raises(InputError) as caught:
        LABELS.encode(array, "a.nii")
    assert LABELS.describe_undeclared(found.undeclared, found.source) == str(caught.value)
    means = {name: np.mean(places[k]) for k, name in enumerate(LABELS.names, start=1)}
    expected = {side for side in "xy" if means[f"left_{side}"] >= means[f"right_{side}"]}
    assert expected  # of random maps: the seed makes at least one
    assert {pair.left[-1] for pair in found.misplaced} == expected
    for pair in found.misplaced:
        assert (pair.left_mm, pair.right_mm) == pytest.approx((means[pair.left], means[pair.right]))
    assert found.pairs == 2


def brain(swapped: bool) -> np.ndarray:
    """Two pairs in RAS order, left to the left unless ``swapped``."""
    array = np.zeros((12, 13, 14), np.int16)
    array[2:5, 3:6, 3:9], array[7:10, 3:6, 3:9] = 4, 7
    array[2:5, 7:10, 3:9], array[7:10, 7:10, 3:9] = 11, 12
    return array[::-1] if swapped else array


@pytest.mark.parametrize("turn", [0, 30])
def test_sides_follow_the_affine_in_all_48_orders(turn: float) -> None:
    affine = np.diag([0.8, 1.1, 3.0, 1.0])
    affine[:3, :3] = Rotation.from_euler("xyz", (10, turn, -20), degrees=True).as_matrix() @ affine[:3, :3]
    for order, swapped in itertools.product(ORDERS, (False, True)):
        image = nib.Nifti1Image(brain(swapped), affine).as_reoriented(order)
        found = survey(np.asarray(image.dataobj), image.affine)
        assert sorted(pair.left for pair in found.misplaced) == (["left_x", "left_y"] if swapped else [])
        assert found.pairs == 2


def test_missing_sides_equal_sides_and_files_without_orientation() -> None:
    array = np.zeros((10, 10, 10), np.uint8)
    array[8, 5, 5] = 4  # no right_x
    array[3, 2, 2], array[3, 8, 8] = 11, 12  # left_y and right_y at one x
    found = survey(array, np.eye(4))
    assert [(pair.left, pair.left_mm, pair.right_mm) for pair in found.misplaced] == [("left_y", 3.0, 3.0)]
    assert found.pairs == 1
    unoriented = survey(array, np.eye(4), oriented=False)
    assert (unoriented.misplaced, unoriented.pairs) == ((), 0)


def test_the_sentence_names_file_pair_positions_and_remedy() -> None:
    said = survey(brain(swapped=True), np.eye(4)).misplacement
    for part in (
        "a.nii has left and right",
        "2 of 2 pairs (left_x at x = 8.0 mm and right_x at 3.0 mm",
        "swapped;",
    ):
        assert part in said


def test_all_files_together() -> None:
    shape = (4, 5, 6)
    first, second = np.zeros(shape, np.uint8), np.full(shape, 9, np.uint8)
    first[0, 0, :3], first[3, 0, 0], first[1, 1, 1] = 7, 4, 77
    second[0, 0, :2], second[1, 1, :4], second[2, 2, 2] = 77, 200, 255
    found = merge_surveys([survey(array, np.eye(4)) for array in (first, second)], LABELS)
    rows = {row.name: (row.value, row.cases, row.voxels, round(row.share * 240)) for row in found.classes}
    assert rows == {
        "background": (0, 2, 228, 228),
        "left_x": (4, 1, 1, 1),
        "right_x": (7, 1, 3, 3),
        "left_y": (11, 0, 0, 0),
        "right_y": (12, 0, 0, 0),
        "ignore": (255, 1, 1, 1),
    }
    assert [(u.value, u.cases, u.voxels, u.first) for u in found.undeclared] == [
        (77, 2, 3, "a.nii"),
        (200, 1, 4, "a.nii"),
    ]
    assert len(found.misplaced) == 1
    worst_last = merge_surveys([survey(first, np.eye(4)), survey(brain(swapped=True), np.eye(4))], LABELS)
    assert [len(file.misplaced) for file in worst_last.misplaced] == [2, 1]


def test_the_proposal_can_be_pasted(tmp_path: Path) -> None:
    names = {"it's: #1": 3, "yes": [6, 8], "1": 9, "grün, {x}": 2, "ignore": 255}
    labels = Labels.from_mapping(names, "test")
    array = np.array([[[0, 3, 77, 200]]], np.uint8)
    found = merge_surveys([survey_label("a", array, Grid("a", array.shape, np.eye(4)), labels)], labels)
    pasted = Labels.from_mapping(yaml.safe_load(found.proposal), "paste")
    assert pasted.encode(array, "a").tolist() == [[[0, 2, 5, 6]]]
    assert pasted == Labels.from_mapping({**names, "unnamed_77": 77, "unnamed_200": 200}, "test")
    assert "unnamed_77: 77  # 1 voxels in 1 files; " in found.proposal
    assert "background: [0, 77] or ignore: [77]" in found.proposal


@pytest.mark.parametrize("array", [[-3, 77], [0, 4], range(1000)])
def test_nothing_is_proposed_for_what_cannot_be_labels(array: list[int]) -> None:
    values = np.array(array, np.int16).reshape(-1, 1, 1)
    assert merge_surveys([survey(values, np.eye(4))], LABELS).proposal == ""
