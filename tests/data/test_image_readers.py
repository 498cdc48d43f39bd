"""The readers of images with a class each: what is sound works, everything else is a sentence with its place."""

from pathlib import Path

import pytest

from medse.data.cases import TRAINING_ONLY
from medse.data.images.cases import TEST
from medse.data.images.readers.class_folders import read_class_folders
from medse.data.images.readers.table import read_image_table
from medse.errors import InputError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with empty files."""
    for name in ("a.png", "b.jpg", "c.dcm", "d.nii.gz", "m.png"):
        (tmp_path / name).touch()
    return tmp_path


def write(root: Path, text: str) -> None:
    (root / "cases.csv").write_text(text)


def refusal(root: Path, text: str, classes: tuple[str, ...] | None = None, **options: str) -> str:
    write(root, text)
    with pytest.raises(InputError) as caught:
        read_image_table(root, classes, **options)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message.replace(f"{root}/", "")


def test_all_columns(root: Path) -> None:
    write(
        root,
        "case,image,label,mask,group,split,slice\n"
        "one,a.png,2,m.png,p,0,\n"
        "two,d.nii.gz,10,,q,1,7\n"
        "three,d.nii.gz,2,,q,1,8\n",
    )
    found = read_image_table(root, None)
    assert found.classes == ("2", "10")  # numbers are names, in natural order
    assert [(c.id, c.label, c.group, c.fold, c.slice) for c in found.cases] == [
        ("one", "2", "p", 0, None), ("three", "2", "q", 1, 8), ("two", "10", "q", 1, 7),
    ]  # fmt: skip
    assert [c.mask for c in found.cases] == [root / "m.png", None, None]
    assert found.cases[0].image == root / "a.png"


def test_chosen_columns_and_classes_in_order(root: Path) -> None:
    (root / "t.csv").write_text("file,what,label\na.png,x,7\nb.jpg,y,7\n")
    found = read_image_table(root, ("y", "x"), file="t.csv", image="file", label="what")
    assert found.classes == ("y", "x")
    assert [(c.id, c.label, c.group) for c in found.cases] == [("a", "x", "a"), ("b", "y", "b")]


def test_slices_of_a_file_are_one_group(root: Path) -> None:
    write(root, "image,label,slice\nd.nii.gz,x,3\nd.nii.gz,y,12\na.png,x,\n")
    found = read_image_table(root, None)
    assert [(c.id, c.group, c.slice) for c in found.cases] == [
        ("a", "a", None), ("d_003", "d", 3), ("d_012", "d", 12),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "folds"),
    [
        (("train", "validation", "test"), [TRAINING_ONLY, 0, TEST]),
        (("train", "test", "train"), [None, TEST, None]),
        (("0", "1", "1"), [0, 1, 1]),
    ],
)
def test_split_column(root: Path, words: tuple[str, ...], folds: list[int | None]) -> None:
    rows = zip(("a.png", "b.jpg", "c.dcm"), "xyx", words, strict=True)
    write(root, "image,label,split\n" + "".join(",".join(row) + "\n" for row in rows))
    assert [case.fold for case in read_image_table(root, None).cases] == folds


A, B = "a.png,x", "b.jpg,y"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"image,label\n{A}\nabsent.png,y\n", "line 3 lists absent.png, which does not exist"),
        (f"image,label\n{A}\nREADME,y\n", "README has no known ending"),
        (f"image,label,mask\n{A},\n{B},none.png\n", "line 3 lists none.png, which does not exist"),
        (f"image,label\n{A}\nb.jpg,\n", "line 3 has nothing in column 'label'"),
        (f"image,label\n{A}\nb.jpg,x\n", "one class 'x'; two or more"),
        (f"image,label\n{A}\nb.jpg,X\n", "classes 'X' and 'x', which differ in capitals"),
        (f"image,label\n{A}\n{B}\n{A}\n", "line 2 and cases.csv, line 4: a.png is given twice"),
        (f"image,label,slice\n{A},\n{B},-1\n", "line 3 has '-1' in column 'slice'"),
        (f"image,label,slice\nd.nii.gz,x,1\n{B},\nd.nii.gz,y,1\n", "line 2 and cases.csv, line 4 list slice 1"),
        (f"image,label,case\n{A},p/q\n{B},r\n", "'p/q', which cannot name a file"),
        ("image,label,slice,group\nd.nii.gz,x,1,p\nd.nii.gz,y,2,q\n", "only cases of one group may share"),
        (f"image,label,mask\n{A},m.png\n{B},m.png\n", "gives m.png to case 'a' of group 'a' and to case 'b'"),
        (f"image,label,group,split\n{A},p,train\n{B},p,test\n", "of the same group in test"),
        (f"image,label,group,split\n{A},p,0\n{B},p,1\n", "a group must not be split"),
        (f"image,label,split\n{A},test\n{B},test\n", "no row with 'train'"),
        (f"image,labels\n{A}\n{B}\n", "has no column 'label'; did you mean 'labels'?"),
    ],
)  # fmt: skip
def test_refused_tables(root: Path, text: str, expected: str) -> None:
    assert expected in refusal(root, text)


def test_every_faulty_row_is_named(root: Path) -> None:
    write(root, f"image,label\nno.png,x\n{A}\nb.jpg,\nabsent.png,y\n")
    with pytest.raises(InputError) as caught:
        read_image_table(root, None)
    for line, word in zip(
        str(caught.value).splitlines(), ("2 lists", "4 has nothing", "5 lists"), strict=True
    ):
        assert f"line {word}" in line


def test_class_folders_where_a_table_is_expected_are_proposed(tmp_path: Path) -> None:
    files(tmp_path, "x/a.png", "y/b.png")
    with pytest.raises(InputError, match=r"the folders x, y; .*data\.format=class_folders"):
        read_image_table(tmp_path, None)


def test_an_unknown_label_is_refused_with_its_line_and_the_nearest_class(root: Path) -> None:
    message = refusal(root, "image,label\na.png,glioma\nb.jpg,gliom\nc.dcm,none\n", ("glioma", "none"))
    assert "cases.csv, line 3 has the label 'gliom'; did you mean 'glioma'?" in message
    assert "no case of class 'nonee'; did you mean 'none'?" in refusal(
        root, "image,label\na.png,glioma\nb.jpg,none\n", ("glioma", "nonee")
    )


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_a_folder_for_each_class(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files(tmp_path, "b/2.png", "b/1.nii.gz", "a/x.dcm", "a/Y.JPG", "a/notes.txt", "a/.hidden.png", "read.me")
    found = read_class_folders(tmp_path, None)
    assert found.classes == ("a", "b")
    assert [(c.id, c.label, c.group, c.fold) for c in found.cases] == [
        ("a_Y", "a", "a_Y", None), ("a_x", "a", "a_x", None), ("b_1", "b", "b_1", None), ("b_2", "b", "b_2", None),
    ]  # fmt: skip
    assert "1 entry" in caplog.text
    assert "notes.txt" in caplog.text
    assert ".hidden" not in caplog.text
    assert read_class_folders(tmp_path, ("b", "a")).classes == ("b", "a")


@pytest.mark.parametrize(
    ("names", "folds"),
    [
        (("Training", "Testing"), {"Training": None, "Testing": TEST}),
        (("train", "val", "TEST"), {"train": TRAINING_ONLY, "val": 0, "TEST": TEST}),
    ],
)
def test_published_parts(tmp_path: Path, names: tuple[str, ...], folds: dict[str, int | None]) -> None:
    files(tmp_path, *(f"{part}/{name}/1.png" for part in names for name in ("no tumour", "glioma")))
    found = read_class_folders(tmp_path, None)
    assert found.classes == ("glioma", "no tumour")
    assert {case.id: case.fold for case in found.cases} == {
        f"{part}_{name}_1": fold for part, fold in folds.items() for name in found.classes
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("a/1.png", "b/notes.txt"), "b holds no image; every class folder needs files"),
        (("Training/a/1.png", "Training/b/1.png", "Testing/a/1.png"), "Testing has no folder 'b', which"),
        (("Train/a/1.png", "Test/a/1.png", "Test/b/1.png"), "Train has no folder 'b', which"),
        (("Testing/a/1.png", "Testing/b/1.png"), "holds Testing and no Training"),
        (("Training/a/1.png", "train/b/1.png"), "are both called a training set"),
        (("Training/a/1.png", "Training/b/1.png", "masks/1.png"), "holds Training and beside them masks"),
        (("1.png", "2.png"), "holds no folders; a folder for each class"),
        (("a/1.png", "a/1.jpg", "b/1.png"), "a/1.png the id 'a_1'"),
        (("a/1.png",), "one class 'a'; two or more"),
    ],
)
def test_refused_folders(tmp_path: Path, names: tuple[str, ...], expected: str) -> None:
    files(tmp_path, *names)
    with pytest.raises(InputError) as caught:
        read_class_folders(tmp_path, None)
    assert expected in str(caught.value).replace(f"{tmp_path}/", "")
    assert str(caught.value).endswith(".")


def test_a_folder_that_is_no_class_is_refused(tmp_path: Path) -> None:
    files(tmp_path, "glioma/1.png", "pituitary/1.png", "pitutary/2.png")
    with pytest.raises(
        InputError, match=r"pitutary/2.png has the label 'pitutary'; did you mean 'pituitary'\?"
    ):
        read_class_folders(tmp_path, ("glioma", "pituitary"))
