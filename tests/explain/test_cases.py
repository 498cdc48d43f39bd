"""What the references and a list of cases say of the images that are given."""

from pathlib import Path

import pytest

from medse.data.images.cases import ImageCase, ImageDataset
from medse.errors import InputError
from medse.explain.cases import chosen, with_references


def test_images_are_found_in_the_references_by_file_and_slice(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    here = tmp_path / "images" / ".." / "images"
    cases = [
        ImageCase("mine", here / "s0.png", "", "mine"),
        ImageCase("other", tmp_path / "images" / "other.png", "", "other"),
        ImageCase("v_1", tmp_path / "images" / "v.nii", "", "v_1", slice=1),
    ]
    references = ImageDataset(
        "known",
        ("none", "square"),
        (
            ImageCase("s0", tmp_path / "images" / "s0.png", "square", "g0", tmp_path / "m.png"),
            ImageCase("v0", tmp_path / "images" / "v.nii", "square", "g1", slice=0),
            ImageCase("v1", tmp_path / "images" / "v.nii", "none", "g1", slice=1),
        ),
    )
    found = with_references(cases, references)
    assert [(case.id, case.label, case.group) for case in found] == [
        ("mine", "square", "g0"),
        ("other", "", "other"),
        ("v_1", "none", "g1"),
    ]
    assert [case.mask for case in found] == [tmp_path / "m.png", None, None]
    assert [case.image for case in found] == [case.image for case in cases]
    with pytest.raises(InputError, match="none of the 1 images"):
        with_references(cases[1:2], references)


def test_a_list_chooses_and_groups() -> None:
    cases = [ImageCase("a", Path("a.png"), "", "a"), ImageCase("b", Path("b.png"), "x", "patient")]
    found = chosen(cases, {"b": "b", "a": "g7"})
    assert [(case.id, case.group) for case in found] == [("b", "patient"), ("a", "g7")]
    with pytest.raises(InputError, match="c"):
        chosen(cases, {"a": "a", "c": "c"})
