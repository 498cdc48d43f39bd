"""Spoilt files: each is named in a sentence, and the other cases are still scored."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform

from medse.evaluate.evaluate import evaluate_folders
from medse.labels import Labels
from medse.scores.scores import Scores

LABELS = Labels(("liver", "spleen"), (1, 2))
AFFINE = np.array([[2.0, 0, 0, -9], [0, 2, 0, 4], [0, 0, 2, 30], [0, 0, 0, 1]])


def maps(shift: int = 0) -> np.ndarray:
    """Return a cube of 4 voxels a side, shifted along the first axis, and a second class that stays."""
    array = np.zeros((10, 10, 10), np.uint8)
    array[1 + shift : 5 + shift, 2:6, 3:7] = 1
    array[8, 1:3, 8] = 2
    return array


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine, dtype=array.dtype), path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for case in "ab":
        save(tmp_path / "r" / f"{case}.nii.gz", maps())
        save(tmp_path / "p" / f"{case}.nii.gz", maps(1))
    return tmp_path


def dice(scores: Scores) -> dict[tuple[str, str], float]:
    return {(row.case, row.label): row.dice for row in scores.rows}


def changed(
    change: Callable[[np.ndarray], np.ndarray], affine: np.ndarray = AFFINE
) -> Callable[[Path], None]:
    return lambda path: save(path, change(maps(1)), affine)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:90])


def header_only(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:352]))


def disagreeing(path: Path) -> None:
    image = nib.Nifti1Image(maps(1), AFFINE)
    image.set_qform(np.diag([-1.0, 1, 1, 1]) @ AFFINE, 1)
    image.set_sform(AFFINE, 1)
    image.to_filename(path)


def nowhere(path: Path) -> None:
    image = nib.Nifti1Image(maps(1), None)
    image.header.set_zooms((2, 2, 2))
    image.to_filename(path)


SHEAR = AFFINE + np.array([[0, 0.5, 0, 0], [0] * 4, [0] * 4, [0] * 4])
MOVED = AFFINE + np.array([[0, 0, 0, 10], [0] * 4, [0] * 4, [0] * 4])


@pytest.mark.parametrize("side", ["r", "p"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncated, "truncated or damaged"),
        (header_only, "smaller than its header says"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: (path.unlink(), path.symlink_to(path)), "does not exist"),
        (changed(lambda array: array * np.float32(1.5)), r"holds 1\.5"),
        (changed(lambda array: np.where(array == 2, np.nan, array)), "holds nan"),
        (changed(lambda array: -array.astype(np.int16)), "undeclared label values: -2"),
        (changed(lambda array: array.astype(np.uint64) << np.uint64(62)), r"must be below 2\^63"),
        (changed(lambda array: np.stack([array, array], -1)), r"shape \(10, 10, 10, 2\)"),
        (changed(lambda array: array[:, :, :0]), "at least one voxel"),
        (changed(lambda array: array, SHEAR), "not at right angles"),
        (changed(lambda array: array, MOVED), "different affines"),
        (disagreeing, "disagree"),
        (nowhere, "where the patient's left is"),
    ],
)
def test_a_spoilt_file_is_named_and_the_other_case_is_scored(
    root: Path, spoil: Callable[[Path], object], said: str, side: str
) -> None:
    spoil(root / side / "b.nii.gz")
    scores = evaluate_folders(root / "r", root / "p", root / "out", LABELS)
    (case, problem), *others = scores.not_scored.items()
    assert (case, others) == ("b", [])
    assert f"{side}/b.nii.gz" in problem
    assert re.search(rf"{said}.*; .*\.$", problem), problem
    assert dice(scores) == {("a", "liver"): 0.75, ("a", "spleen"): 1.0}  # three of four planes overlap


@pytest.mark.parametrize("codes", ["LAS", "LPS", "PIR", "SRA", "ILP"])
def test_the_same_place_on_other_axes_is_never_compared_voxel_by_voxel(root: Path, codes: str) -> None:
    """All lengths are equal, so that only the affine tells."""
    turn = ornt_transform(io_orientation(AFFINE), axcodes2ornt(codes))
    nib.Nifti1Image(maps(1), AFFINE).as_reoriented(turn).to_filename(root / "p" / "b.nii.gz")
    plain = evaluate_folders(root / "r", root / "p", root / "plain", LABELS)
    assert re.search(r"p/b\.nii\.gz .*different affines", plain.not_scored["b"])
    assert dice(plain) == {("a", "liver"): 0.75, ("a", "spleen"): 1.0}
    found = evaluate_folders(root / "r", root / "p", root / "resampled", LABELS, resample=True)
    assert dice(found) == {
        (case, name): value for case in "ab" for name, value in (("liver", 0.75), ("spleen", 1.0))
    }
    assert found.settings.resampled == ("b",)
