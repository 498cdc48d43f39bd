"""What can be asked of ``evaluate`` beside the default, on small maps with answers by hand."""

import csv
import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medse.config.sections import Evaluation
from medse.evaluate import running
from medse.evaluate.evaluate import evaluate_folders
from medse.labels import Labels
from medse.scores import statistics
from medse.scores.files import read_scores
from medse.scores.scores import Scores
from medse.scores.statistics import summarise

LABELS = Labels(("left", "right", "tumour"), (1, 2, 5))
SPACING = (1.0, 2.0, 3.0)  # 6 mm3 per voxel
SHAPE = (12, 10, 8)
DIAGONAL = math.hypot(12, 20, 24)


def save(path: Path, array: np.ndarray, spacing: tuple[float, ...] = SPACING) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array.astype(np.uint8), np.diag([*spacing, 1.0])), path)


def boxes(**values: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Return a map with boxes of 2x2x2 voxels that start there, by value."""
    array = np.zeros(SHAPE, np.uint8)
    for name, starts in values.items():
        for x, y, z in starts:
            array[x : x + 2, y : y + 2, z : z + 2] = int(name[1:])
    return array


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Case a: left and right are swapped, the larger of two tumours is found, and a false one of four voxels.

    Case b: left is moved by a voxel along x, right is right, there is no tumour.
    """
    references, predictions = tmp_path / "references", tmp_path / "predictions"
    save(references / "a.nii.gz", boxes(_1=((0, 0, 0),), _2=((4, 0, 0),), _5=((0, 6, 4), (11, 6, 4))))
    save(predictions / "a.nii.gz", boxes(_2=((0, 0, 0),), _1=((4, 0, 0),), _5=((0, 6, 4), (11, 6, 0))))
    save(references / "b.nii.gz", boxes(_1=((2, 2, 2),), _2=((6, 6, 2),)))
    save(predictions / "b.nii.gz", boxes(_1=((3, 2, 2),), _2=((6, 6, 2),)))
    return references, predictions, tmp_path / "out"


def score(folders: tuple[Path, Path, Path], **options: Any) -> Scores:
    return evaluate_folders(*folders, LABELS, options=Evaluation(**options))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def by_class(scores: Scores, name: str) -> dict[tuple[str, str], float | None]:
    return {(row.case, row.label): getattr(row, name) for row in scores.rows}


def test_merged_classes_are_unions(folders):
    scores = score(folders, merged={"both": ("left", "right"), "rest": ("tumour",)}, distances=False)
    dice = by_class(scores, "dice")
    assert [one.label for one in scores.summaries.classes] == ["left", "right", "tumour", "both", "rest"]
    assert [one.value for one in scores.summaries.classes] == [1, 2, 5, None, None]
    assert (dice["a", "left"], dice["a", "right"], dice["a", "both"]) == (0.0, 0.0, 1.0)
    assert dice["b", "both"] == pytest.approx(2 * (4 + 8) / 32)
    assert dice["a", "rest"] == dice["a", "tumour"] == 2 / 3
    assert read_scores(folders[2]).settings.merged == {"both": ["left", "right"], "rest": ["tumour"]}
    assert table(folders[2] / "scores.csv")[3]["value"] == ""


def test_only_some_classes_in_the_order_asked_for(folders):
    scores = score(folders, merged={"both": ("left", "right")}, classes=("tumour", "both"), distances=False)
    assert [row.label for row in scores.rows] == ["tumour", "both"] * 2
    assert scores.summaries.mean_dice.mean == pytest.approx(((2 / 3 + 1.0) / 2 + 24 / 32) / 2)


def test_tolerance_by_class(folders):
    """Left of b is moved by 1 mm: everything is within 1 mm, and only some of the surface within 0.5 mm."""
    strict = by_class(score(folders, tolerance_mm={"left": 0.5}), "nsd")
    assert 0 < strict["b", "left"] < 1
    assert (strict["a", "left"], strict["b", "right"]) == (0.0, None)
    folders = *folders[:2], folders[2].parent / "again"
    kind = score(folders, tolerance_mm=1.0)
    assert by_class(kind, "nsd")["b", "left"] == 1
    assert math.isnan(by_class(kind, "nsd")["b", "tumour"])
    assert kind.settings.tolerance_mm == {"left": 1.0, "right": 1.0, "tumour": 1.0}


def test_groups_count_once(folders, tmp_path):
    """Patient p has a and c, patient q has b: the mean of p stands beside b."""
    for folder in folders[:2]:
        (folder / "c.nii.gz").write_bytes((folder / "b.nii.gz").read_bytes())
    cases = tmp_path / "cases.txt"
    cases.write_text("a\tp\nb\tq\nc\tp\n")
    scores = evaluate_folders(*folders, LABELS, cases, options=Evaluation(unit="group", lesions=("tumour",)))
    a, b, c = (case_mean(scores, case) for case in "abc")
    expected = summarise(np.array([(a + c) / 2, b]), ["p", "q"])
    assert scores.summaries.mean_dice.model_dump() == pytest.approx(expected.model_dump())
    left = scores.summaries.classes[0]
    assert (left.dice.n, left.dice.mean) == (2, pytest.approx((0.25 + 0.5) / 2))
    assert left.hd_mm.both_masks.mean == pytest.approx(((4 + 1) / 2 + 1) / 2)
    tumour = scores.summaries.classes[2]
    assert (tumour.dice.n, tumour.lesions.f1_by_case.n) == (1, 1)
    assert (scores.summaries.cases, scores.summaries.groups, scores.settings.unit) == (3, 2, "group")
    assert "over groups" in scores.settings.interval_method


def case_mean(scores: Scores, case: str) -> float:
    return float(np.nanmean([row.dice for row in scores.rows if row.case == case]))


def test_deepmind_as_the_main_convention(folders):
    scores = score(folders, convention="deepmind", tolerance_mm=1.0)
    rows = {(row["case"], row["label"]): row for row in table(folders[2] / "scores.csv")}
    assert rows["b", "tumour"]["hd95_mm"] == "inf"  # both empty
    assert (rows["b", "tumour"]["nsd"], rows["b", "left"]["iou"]) == ("nan", "")
    assert scores.summaries.classes[2].hd95_mm.every.n == 1  # finite ones only
    assert scores.summaries.classes[0].iou is None
    back = read_scores(folders[2])
    assert by_class(back, "hd_mm")["b", "tumour"] == math.inf
    np.testing.assert_equal(back.model_dump(), scores.model_dump())


def test_conventions_beside(folders):
    """The tumour of b is in neither mask; what follows from that is what the conventions differ in."""
    (folders[1] / "a.nii.gz").unlink()
    scores = evaluate_folders(
        *folders, LABELS, missing="worst",
        options=Evaluation(beside=("monai", "medpy", "deepmind", "nnunet"), classes=("tumour",)),
    )  # fmt: skip
    rows = table(folders[2] / "conventions.csv")
    found = {(row["case"], row["convention"]): (row["dice"], row["iou"], row["hd95_mm"]) for row in rows}
    assert found["a", "deepmind"] == ("0.0", "", "inf")
    assert [found["b", name] for name in ("medpy", "nnunet")] == [("1.0", "1.0", "nan"), ("nan", "nan", "")]
    means = scores.summaries.classes[0].conventions
    assert list(means) == ["monai", "medpy", "deepmind", "nnunet"]
    assert (means["medpy"]["dice"].mean, means["monai"]["dice"].mean) == (0.5, 0.0)
    assert (means["monai"]["dice"].undefined, means["deepmind"]["hd95_mm"].infinite) == (1, 2)
    assert "nsd" not in means["medpy"]
    assert by_class(scores, "hd95_mm")["a", "tumour"] == pytest.approx(DIAGONAL)


def test_lesions_by_hand(folders):
    scores = score(folders, lesions=("tumour",), distances=False)
    assert (folders[2] / "lesions.csv").read_text() == (
        "case,label,side,lesion,outcome,partner,dice,volume_ml\n"
        "a,tumour,reference,1,matched,1,1.0,0.048\n"
        "a,tumour,reference,2,false negative,,0.0,0.024\n"
        "a,tumour,prediction,1,matched,1,1.0,0.048\n"
        "a,tumour,prediction,2,false positive,,0.0,0.024\n"
    )
    rows = [row for row in table(folders[2] / "details.csv") if row["label"] == "tumour"]
    names = ("lesions_reference", "lesions_prediction", "lesions_matched", "lesion_f1", "lesion_dice")
    assert [tuple(row[name] for name in names) for row in rows] == [
        ("2", "2", "1", "0.5", "1.0"),
        ("0", "0", "0", "nan", "nan"),
    ]
    assert {row["lesions_reference"] for row in table(folders[2] / "details.csv")[:2]} == {""}
    found = scores.summaries.classes[2].lesions
    assert (found.reference, found.prediction, found.matched) == (2, 2, 1)
    assert (found.sensitivity, found.precision, found.f1, found.f1_by_case.n) == (0.5, 0.5, 0.5, 1)
    assert scores.summaries.classes[0].lesions is None
    assert scores.settings.lesion_rule
    np.testing.assert_equal(read_scores(folders[2]).lesions, scores.lesions)


def test_centrelines(folders):
    scores = score(folders, centreline=("right",), distances=False)
    rows = {(row["case"], row["label"]): row["centreline_dice"] for row in table(folders[2] / "details.csv")}
    assert (rows["a", "right"], rows["b", "right"], rows["b", "left"]) == ("0.0", "1.0", "")
    assert scores.summaries.classes[1].centreline_dice.mean == 0.5
    assert scores.summaries.classes[0].centreline_dice is None


def test_a_folder_of_masks_per_case(tmp_path):
    """Masks overlap, one case keeps them in ``segmentations``, and a prediction lacks a mask."""
    left, both = boxes(_1=((0, 0, 0),)), boxes(_1=((0, 0, 0), (4, 0, 0)))
    for side, inner in (("r", "segmentations"), ("p", "")):
        save(tmp_path / side / "a" / inner / "left.nii.gz", left)
        save(tmp_path / side / "a" / inner / "both.nii.gz", both)
    save(tmp_path / "r" / "b" / "left.nii.gz", left)
    save(tmp_path / "r" / "b" / "both.nii.gz", both)
    save(tmp_path / "p" / "b" / "left.nii.gz", 255 * both)
    folders = tmp_path / "r", tmp_path / "p", tmp_path / "out"
    options = Evaluation(merged={"any": ("left", "both")})
    (problem,) = evaluate_folders(*folders[:2], tmp_path / "strict").not_scored.values()
    assert "p/b has no mask of 1 of 2 classes: both" in problem
    scores = evaluate_folders(*folders, missing="worst", options=options)
    assert [one.label for one in scores.summaries.classes] == ["both", "left", "any"]
    dice = by_class(scores, "dice")
    assert [dice["a", name] for name in ("both", "left", "any")] == [1.0] * 3
    assert [dice["b", name] for name in ("both", "left", "any")] == [0.0, pytest.approx(16 / 24), 1.0]
    assert {row.value for row in scores.rows} == {None}
    assert (scores.settings.mask_files, scores.settings.missing_predictions) == (True, ("b",))


def test_processes_change_nothing(folders, monkeypatch):
    """Six cases, one of them unreadable, in this process and in two others."""
    for k in range(4):
        for folder in folders[:2]:
            (folder / f"c{k}.nii.gz").write_bytes((folder / f"{'ab'[k % 2]}.nii.gz").read_bytes())
    (folders[1] / "c1.nii.gz").write_bytes(b"no image")
    options = Evaluation(lesions=("tumour",), beside=("monai",), tolerance_mm=1.0)
    one = evaluate_folders(*folders, LABELS, options=options)
    started = []
    monkeypatch.setattr(running, "WORTH_SECONDS", 0.0)
    pool = running.ProcessPoolExecutor
    monkeypatch.setattr(
        running, "ProcessPoolExecutor", lambda n, **kwargs: started.append(n) or pool(n, **kwargs)
    )
    again = folders[2].parent / "again"
    two = evaluate_folders(*folders[:2], again, LABELS, options=options, processes=2)
    assert started == [2]
    assert list(two.not_scored) == ["c1"]
    tables = sorted(path.name for path in folders[2].glob("*.csv"))
    assert tables == ["conventions.csv", "details.csv", "lesions.csv", "scores.csv"]
    for name in tables:
        assert (folders[2] / name).read_text() == (again / name).read_text()
    np.testing.assert_equal(two.model_copy(update={"created": one.created}).model_dump(), one.model_dump())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.sampled_from([0.02, 0.1, 0.5]))
def test_a_missing_prediction_never_raises_a_mean(tmp_path_factory, seed, density):
    """Neither compared with leaving its case out nor with any prediction that was made."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(seed)
    for case in "abc":
        reference, other = (rng.random((2, 3, 3, 2)) < density) * rng.choice([1, 2, 5], (2, 3, 3, 2))
        save(folder / "r" / f"{case}.nii", reference)
        save(folder / "p" / f"{case}.nii", other if case == "c" else reference)
    (folder / "ab.txt").write_text("a\nb\n")
    options = Evaluation(distances=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "RESAMPLES", 10)
        paths = folder / "r", folder / "p"
        whole = evaluate_folders(*paths, folder / "whole", LABELS, options=options).summaries
        others = evaluate_folders(
            *paths, folder / "others", LABELS, folder / "ab.txt", options=options
        ).summaries
        (folder / "p" / "c.nii").unlink()
        worst = evaluate_folders(*paths, folder / "worst", LABELS, options=options, missing="worst").summaries
    assert not worst.mean_dice.mean > others.mean_dice.mean + 1e-12
    assert not worst.mean_dice.mean > whole.mean_dice.mean + 1e-12
    for made, without, found in zip(whole.classes, others.classes, worst.classes, strict=True):
        for name in ("dice", "iou", "recall"):
            assert not getattr(found, name).mean > getattr(without, name).mean + 1e-12
        assert not found.dice.mean > made.dice.mean + 1e-12
