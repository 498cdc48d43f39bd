"""Copies are found whatever was done to them, and what only looks alike is not one."""

import io
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medse.data.images.cases import ImageCase
from medse.data.images.copies import across, described
from medse.data.images.duplicates import Duplicate, find_duplicates
from medse.data.splits import Split
from tests.support.heads import Picture, head, save


def jpeg(values: Picture, quality: int) -> Picture:
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def resized(values: Picture, size: int) -> Picture:
    return np.asarray(Image.fromarray(values).resize((size, size), Image.Resampling.LANCZOS))


def lit(values: Picture, gain: float, offset: float) -> Picture:
    return np.clip(values * gain + offset, 0, 255).astype(np.uint8)


CHANGES: dict[str, Callable[[Picture], Picture]] = {
    "jpeg": lambda values: jpeg(values, 50),
    "half": lambda values: resized(values, 64),
    "twice": lambda values: resized(values, 256),
    "light": lambda values: lit(values, 0.7, 30),
    "gamma": lambda values: (255 * (values / 255) ** 0.7).astype(np.uint8),
    "border": lambda values: np.pad(values, 10),
    "cropped": lambda values: values[4:-4, 4:-4],
    "turned": lambda values: jpeg(np.rot90(resized(values, 100)), 60),
    "mirrored": lambda values: lit(jpeg(values, 50)[:, ::-1], 1.1, 5),
    "upside": lambda values: jpeg(values, 70)[::-1],
    "transposed": lambda values: jpeg(values, 70).T,
}
HOW = {
    "turned": "turned by 90 degrees to the left",
    "mirrored": "mirrored left to right",
    "upside": "top to bottom",
}


def cases(folder: Path, pictures: dict[str, Picture]) -> list[ImageCase]:
    return [ImageCase(n, save(folder / f"{n}.png", values), "x", n) for n, values in pictures.items()]


def test_changed_copies_are_found_and_nothing_else(tmp_path: Path) -> None:
    pictures = {f"head{k}": head(k) for k in range(len(CHANGES) + 6)}
    pictures |= {name: change(head(k)) for k, (name, change) in enumerate(CHANGES.items())}
    found = find_duplicates(cases(tmp_path, pictures))
    assert {frozenset((d.one, d.other)) for d in found} == {
        frozenset((f"head{k}", name)) for k, name in enumerate(CHANGES)
    }
    assert {d.kind for d in found} == {"similar"}
    for duplicate in found:
        for name, how in HOW.items():
            if name in (duplicate.one, duplicate.other):
                assert how in duplicate.how


def test_neighbouring_slices_are_no_copies(tmp_path: Path) -> None:
    """Slices that share their rim and most of their inside, as those of one patient do."""
    first, second = head(0).astype(float), head(1).astype(float)
    between = {str(k): (first + (second - first) * k / 3).astype(np.uint8) for k in range(4)}
    assert find_duplicates(cases(tmp_path, between)) == ()


def test_identical_files_and_equal_pixels(tmp_path: Path) -> None:
    one, *others = cases(
        tmp_path,
        {"a": head(0), "b": head(1), "left": np.rot90(head(0)), "b mirrored": head(1)[:, ::-1], "c": head(2)},
    )
    (tmp_path / "z.png").write_bytes(one.image.read_bytes())
    save(tmp_path / "z2.png", head(0), compress_level=1)
    given = [one, *others, *(ImageCase(name, tmp_path / f"{name}.png", "x", name) for name in ("z", "z2"))]
    assert set(find_duplicates(given)) == {
        Duplicate("a", "z", "identical"),
        Duplicate("a", "left", "pixels", "turned by 90 degrees to the left"),
        Duplicate("a", "z2", "pixels"),
        Duplicate("b", "b mirrored", "pixels", "mirrored left to right"),
    }


def test_slices_of_one_file_are_told_apart(tmp_path: Path) -> None:
    array = np.stack([head(0), head(1), head(0)], -1).astype(np.float32)
    nib.save(nib.Nifti1Image(array, np.eye(4)), tmp_path / "v.nii.gz")
    given = [ImageCase(str(k), tmp_path / "v.nii.gz", "x", "v", slice=k) for k in range(3)]
    assert find_duplicates(given) == (Duplicate("0", "2", "pixels"),)


def test_volumes_by_their_voxels_mirrored_or_not(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32)
    made = {"a": array, "b": array[::-1, :, ::-1], "c": array + 1, "d": array * 1.0001}
    for name, values in made.items():
        nib.save(nib.Nifti1Image(values, np.eye(4)), tmp_path / f"{name}.nii")
    given = [ImageCase(name, tmp_path / f"{name}.nii", "x", name) for name in made]
    assert find_duplicates(given) == (Duplicate("a", "b", "pixels", "mirrored along X and Z"),)


def test_blank_pictures_are_not_similar_to_anything(tmp_path: Path) -> None:
    blank = {"a": np.zeros((9, 9), np.uint8), "b": np.full((8, 8), 9, np.uint8), "c": head(0), "d": head(1)}
    assert find_duplicates(cases(tmp_path, blank)) == ()


SPLIT = Split(("t1", "t2", "t3"), ("v1", "v2"))


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("t1", "t2"), ("v1", "v2"), ("out", "v1")], set()),
        ([("t1", "v1"), ("e1", "t2"), ("v2", "e1")], {("t1", "v1"), ("e1", "t2"), ("v2", "e1")}),
        ([("t1", "out"), ("out", "v1")], {("t1", "v1")}),  # through a case that is on no side
        ([("t1", "t2"), ("t2", "v1")], {("t2", "v1")}),
    ],
)
def test_what_lies_across_a_split(pairs: list[tuple[str, str]], expected: set[tuple[str, str]]) -> None:
    found = across([Duplicate(one, other, "pixels") for one, other in pairs], SPLIT, {"e1"})
    assert {(d.one, d.other) for d in found} == expected


def test_an_image_on_two_sides_is_one_sentence(tmp_path: Path) -> None:
    given = cases(tmp_path, {"t1": head(0), "v1": jpeg(head(0), 50), "t2": head(1)})
    (sentence,) = described(find_duplicates(given), {case.id: case for case in given}, SPLIT)
    assert "t1.png" in sentence
    assert "v1.png" in sentence
    assert "the first is trained on and the second validated on" in sentence
    assert "data.duplicates=allow" in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
