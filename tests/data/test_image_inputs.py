"""Which images are meant by what is given to be classified."""

from pathlib import Path

import pytest

from medse.data.images.inputs import collect_images
from medse.data.images.readers import IMAGE_READERS
from medse.errors import InputError
from tests.support.pictures import write_pictures


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    root = write_pictures(tmp_path / "flat", groups=1, each=2)
    for path in (root / "images").iterdir():
        for part in ("Training", "Testing"):
            target = tmp_path / "sorted" / part / path.name[:-6] / f"{path.name[-5]}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path


def test_folders_of_classes_have_the_ids_of_their_data_set(folders: Path) -> None:
    found = collect_images([folders / "sorted"])
    expected = IMAGE_READERS["class_folders"](folders / "sorted", None)
    assert [(case.id, case.image) for case in found] == [(case.id, case.image) for case in expected.cases]
    assert {case.label for case in found} == {""}


def test_a_table_and_its_folder_have_the_ids_of_their_data_set(folders: Path) -> None:
    expected = IMAGE_READERS["csv"](folders / "flat", None)
    for given in (folders / "flat", folders / "flat" / "cases.csv"):
        assert [(case.id, case.image) for case in collect_images([given])] == [
            (case.id, case.image) for case in expected.cases
        ]


def test_a_table_needs_no_classes_and_names_slices(folders: Path) -> None:
    table = folders / "flat" / "new.csv"
    table.write_text("scan,index\nimages/blank00.png,3\nimages/blank01.png,\n")
    found = collect_images([table], image="scan", slice="index")
    assert [(case.id, case.slice) for case in found] == [("blank00_003", 3), ("blank01", None)]


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        (["flat/none.png"], "does not exist"),
        (["empty"], "holds no image"),
        (["flat/images/spot00.png", "flat/images"], "given twice"),
        (["sorted/Training/spot/0.png", "sorted/Training/blank/0.png"], "same id '0'"),
        (["flat/notes.txt"], "notes.txt"),
    ],
)
def test_what_cannot_be_meant_is_refused(folders: Path, given: list[str], pattern: str) -> None:
    (folders / "empty").mkdir()
    (folders / "flat" / "notes.txt").write_text("no image")
    with pytest.raises(InputError, match=pattern):
        collect_images([folders / name for name in given])
