"""Which images are explained, and what the references say of them."""

from pathlib import Path

import pytest
from PIL import Image

from medse.errors import InputError
from medse.explain import collect_images, read_references
from tests.explain.planted import write_pictures

LABELS = {"s0": "square", "n0": "none"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    write_pictures(tmp_path / "data", LABELS)
    return tmp_path / "data"


def test_a_table_its_folder_and_class_folders_are_references(data: Path, tmp_path: Path) -> None:
    for given in (data, data / "cases.csv", str(data)):
        found = read_references(given)
        assert {case.id: case.label for case in found.cases} == LABELS
        assert {case.id: case.mask is None for case in found.cases} == {"s0": False, "n0": True}
    for name, label in LABELS.items():
        (tmp_path / "folders" / label).mkdir(parents=True)
        (data / "images" / f"{name}.png").rename(tmp_path / "folders" / label / f"{name}.png")
    found = read_references(tmp_path / "folders")
    assert {case.id: case.label for case in found.cases} == {"none_n0": "none", "square_s0": "square"}
    assert [case.id for case in collect_images([tmp_path / "folders" / "square"], found)] == ["square_s0"]


def test_images_are_found_in_the_references_by_their_file(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    Image.new("L", (8, 8)).save(tmp_path / "other.PNG")
    known = read_references(data)
    found = collect_images(["images/../images/s0.png", tmp_path / "other.PNG"], known)
    assert [(case.id, case.label, case.group) for case in found] == [
        ("s0", "square", "g0"),
        ("other", "", "other"),
    ]
    assert found[0].mask == data / "masks" / "s0.png"


def test_every_slice_of_a_volume_that_the_references_name_is_one(data: Path) -> None:
    table = data / "slices.csv"
    table.write_text("image,label,slice,case\nimages/s0.png,square,0,a\nimages/s0.png,none,1,b\n")
    found = collect_images([data / "images"], read_references(table))
    assert [(case.id, case.slice) for case in found] == [("n0", None), ("a", 0), ("b", 1)]


def test_what_is_no_image_is_refused(data: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    known = read_references(data)
    for given, word in (
        ([tmp_path / "nowhere.png"], "does not exist"),
        ([tmp_path / "empty"], "no image"),
        ([data / "images" / "s0.png", data / "images"], "same case id"),
        ([data / "cases.csv"], r"cases\.csv"),
    ):
        for references in (known, None):
            with pytest.raises(InputError, match=word if references or "same" not in word else "twice"):
                collect_images(given, references)
    for given in (tmp_path / "nowhere", data / "images" / "s0.png"):
        with pytest.raises(InputError, match="no table"):
            read_references(given)
