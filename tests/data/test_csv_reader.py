"""The reader of a table of cases: what is sound works, everything else is a sentence with its line."""

from pathlib import Path

import pytest

from medse.data.cases import TRAINING_ONLY
from medse.data.readers.case_table import read_csv
from medse.errors import InputError
from medse.labels import Labels

LABELS = Labels(("tumour",), (1,))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with empty files a, b, c and ä b of each kind."""
    for folder in ("i", "j", "m"):
        (tmp_path / folder).mkdir()
        for name in ("a", "b", "c", "ä b"):
            (tmp_path / folder / f"{name}.nii.gz").touch()
    return tmp_path


def write(root: Path, text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    (root / "cases.csv").write_bytes(data)


def refusal(root: Path, text: str | bytes, **options: object) -> str:
    write(root, text)
    with pytest.raises(InputError) as caught:
        read_csv(root, LABELS, **options)
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message.replace(f"{root}/", "")


def test_all_columns(root: Path) -> None:
    write(
        root,
        "image2,age,label,image,group,split,who\n"
        f"j/ä b.nii.gz,,m/ä b.nii.gz,{root}/i/ä b.nii.gz,p1,0,y\n"
        "j/b.nii.gz,41,m/b.nii.gz,i/b.nii.gz,p2,1,x\n",
    )
    found = read_csv(root, LABELS, stratum="who")
    assert found.channels == ("image", "image2")
    assert found.labels is LABELS
    assert found.name == root.name
    assert [(c.id, c.group, c.stratum, c.fold) for c in found.cases] == [
        ("b", "p2", "x", 1),
        ("ä b", "p1", "y", 0),
    ]
    assert found.cases[1].images == (root / "i" / "ä b.nii.gz", root / "j" / "ä b.nii.gz")
    assert found.cases[1].label == root / "m" / "ä b.nii.gz"


def test_chosen_columns_in_another_file(root: Path) -> None:
    (root / "t.csv").write_text("t2,t1,mask,label,patient,fold\ni/a.nii.gz,j/a.nii.gz,m/a.nii.gz,x,p,\n")
    found = read_csv(root, LABELS, file="t.csv", images=("t1", "t2"), label="mask", group="patient")
    assert found.channels == ("t1", "t2")
    (case,) = found.cases
    assert case.images == (root / "j" / "a.nii.gz", root / "i" / "a.nii.gz")
    assert (case.label, case.group, case.fold) == (root / "m" / "a.nii.gz", "p", None)


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfimage,label\r\ni/a.nii.gz,m/a.nii.gz\r\n",
        "image,label\n\n  \ni/a.nii.gz,m/a.nii.gz\n\n\n",
        ' image , label \n i/a.nii.gz ,"m/a.nii.gz"',
        ',image,label,\n1,i/a.nii.gz,m/a.nii.gz,"x, ""y""\n"\n',
    ],
)
def test_what_spreadsheets_add_does_no_harm(root: Path, text: str | bytes) -> None:
    write(root, text)
    found = read_csv(root, LABELS)
    assert [(case.id, case.group, case.stratum, case.fold) for case in found.cases] == [("a", "a", "", None)]


def test_ids_are_a_column_or_folders_where_file_names_repeat(root: Path) -> None:
    write(root, "image,label\ni/a.nii.gz,m/a.nii.gz\nj/a.nii.gz,m/b.nii.gz\n")
    assert [case.id for case in read_csv(root, LABELS).cases] == ["i", "j"]
    write(root, "image,label,case\ni/a.nii.gz,m/a.nii.gz,p 1\nj/a.nii.gz,m/b.nii.gz,ä\n")
    assert [case.id for case in read_csv(root, LABELS).cases] == ["p 1", "ä"]
    write(root, "image,label,who\ni/a.nii.gz,m/a.nii.gz,p\nj/a.nii.gz,m/b.nii.gz,q\n")
    assert [case.id for case in read_csv(root, LABELS, case="who").cases] == ["p", "q"]


def test_one_file_with_all_channels(root: Path) -> None:
    write(root, "image,label\ni/a.nii.gz,m/a.nii.gz\n")
    found = read_csv(root, LABELS, channels=("red", "green", "blue"))
    assert (found.channels, len(found.cases[0].images)) == (("red", "green", "blue"), 1)


def test_words_of_the_split_column(root: Path) -> None:
    write(
        root,
        "image,label,split\ni/c.nii.gz,m/c.nii.gz,train\ni/b.nii.gz,m/b.nii.gz,validation\n"
        "absent.nii.gz,,test\ni/a.nii.gz,m/a.nii.gz,train\n",
    )
    folds = {case.id: case.fold for case in read_csv(root, LABELS).cases}
    assert folds == {"a": TRAINING_ONLY, "b": 0, "c": TRAINING_ONLY}


def test_cases_of_one_group_may_share_files(root: Path) -> None:
    write(root, "image,label,group\ni/a.nii.gz,m/a.nii.gz,p\ni/b.nii.gz,m/a.nii.gz,p\n")
    assert [case.id for case in read_csv(root, LABELS).cases] == ["a", "b"]


A, B, C = (f"i/{name}.nii.gz,m/{name}.nii.gz" for name in "abc")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the file
        ("", "cases.csv lists no cases; expected a header and a row for each case; add them"),
        ("image,label\n", "cases.csv lists no cases; expected a header and a row for each case"),
        ("image,label\ni/é.nii".encode("latin-1"), "cases.csv, line 2 is not UTF-8 text; save the file as"),
        ("image,label\n".encode("utf-16"), "cases.csv, line 1 is not UTF-8 text"),
        (f"image;label\n{A}", "cases.csv, line 1 separates its columns by ';'; expected commas"),
        (f'image,label\n{A}\n"i/b.nii.gz,m/b.nii.gz\n{C}\n', "cases.csv, line 3 is not CSV (unexpected"),
        (f'image,label\n"i/a"b,m\n{A}', "cases.csv, line 2 is not CSV (',' expected after '\"')"),
        # the header
        (f"imgae,label\n{A}", "cases.csv has no column 'image'; did you mean 'imgae'? its columns are"),
        (f"image,mask\n{A}", "has no column 'label'; its columns are image, mask; name one of them as"),
        (f"image,label,image\n{A},x", "cases.csv, line 1 has the column 'image' twice"),
        (f"image,label,image3\n{A},x", "has the columns image and also 'image3'; expected image, image2"),
        (f"image,label,Image 2\n{A},x", "has the columns image and also 'Image 2'"),
        (f"image,label,Group\n{A},x", "has no column 'group'; did you mean 'Group'?"),
        (f"image,label,SPLIT\n{A},x", "has no column 'split'"),
        # rows
        (f"image,label\n{A}\n\n{B},x\n", "cases.csv, line 4 has 3 cells and the header 2"),
        (f'image,label,x\n{A},"1\n2"\n{B}\n', "cases.csv, line 4 has 2 cells and the header 3"),
        ("image,label\ni/a.nii.gz,\n", "cases.csv, line 2 has nothing in column 'label'"),
        (f"image,label,group\n{A},\n", "cases.csv, line 2 has nothing in column 'group'"),
        (f"image,label,split\n{A},\n", "cases.csv, line 2 has nothing in column 'split'"),
        (f"image,label\n{A}\ni/x.nii.gz,m/a.nii.gz", "cases.csv, line 3 lists i/x.nii.gz, which does not"),
        (f"image,label\n{A}\ni/b.nii.gz,m", "cases.csv, line 3 lists m, which is a folder; correct the path"),
        ("image,label\ni/a\0.nii.gz,m/a.nii.gz", "which does not exist; correct the path or remove the case"),
        # ids and files
        (f"image,label\n{A}\n{B}\n{A}", "line 2 and cases.csv, line 4: i/a.nii.gz is given twice"),
        (f"image,label\n{A}\n{B}\nj/a.nii.gz,m/b.nii.gz", "line 4: i/a.nii.gz and j/a.nii.gz give two cases"),
        (
            f"image,label,case\n{A},p\n{B},p",
            "line 3 and cases.csv, line 2 give two cases the id 'p' in column",
        ),
        (f"image,label,case\n{A},p\n{B},", "cases.csv, line 3 has nothing in column 'case'"),
        (f"image,label,case\n{A},p/q", "has a case with the id 'p/q', which cannot name a file"),
        ("image,label\ni/a.nii.gz,i/a.nii.gz", "cases.csv gives case 'a' the file i/a.nii.gz twice"),
        (f"image,label\n{A}\ni/b.nii.gz,m/a.nii.gz", "gives m/a.nii.gz to case 'a' of group 'a' and to"),
        # folds
        (f"image,label,split\n{A},train\n{B},training", "has 'training' in column 'split'; did you mean"),
        (f"image,label,split\n{A},0\n{B},1.0", "line 3 has '1.0' in column 'split'; expected train"),
        (f"image,label,split\n{A},0\n{B},-1", "line 3 has '-1' in column 'split'"),
        (f"image,label,split\n{A},0\n{B},²", "line 3 has '²' in column 'split'"),
        (f"image,label,split\n{A},1\n{B},train", "line 3 has 'train' and cases.csv, line 2 has '1' in"),
        (f"image,label,split\n{A},0\n{B},2", "cases.csv has no row with 1 in column 'split'"),
        (f"image,label,split\n{A},1\n{B},2", "cases.csv has no row with 0 in column 'split'"),
        (f"image,label,split\n{A},0\n{B},0", "cases.csv has no row with 1 in column 'split'"),
        (f"image,label,split\n{A},train\n{B},test", "cases.csv has no row with 'validation' in column"),
        (f"image,label,split\n{A},validation", "cases.csv has no row with 'train' in column 'split'"),
        (f"image,label,group,split\n{A},p,0\n{C},q,0\n{B},p,1", "'p' in fold 0, and cases.csv, line 4"),
        (f"image,label,group,split\n{A},p,train\n{C},q,validation\n{B},p,validation", "in train, and"),
        (f"image,label,group,split\n{A},p,train\n{C},q,validation\n{B},p,test", "of the same group in test"),
    ],
)
def test_refusals(root: Path, text: str | bytes, expected: str) -> None:
    assert expected in refusal(root, text)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"group": "patient"}, "has no column 'patient'; its columns are image, label, x; name one of"),
        ({"split": "fold"}, "has no column 'fold'; its columns"),
        ({"stratum": "y"}, "has no column 'y'; its columns"),
        ({"images": ("image", "t2")}, "has no column 't2'; its columns are image, label, x; name one of"),
        ({"stratum": "x"}, "cases.csv, line 2 has nothing in column 'x'"),
        ({"images": ("image", "image")}, "cases.csv: column 'image' is to hold two of the files of a case"),
        ({"images": ("label",)}, "cases.csv: column 'label' is to hold two"),
        (
            {"channels": ("r", "g"), "images": ("image", "label", "x")},
            "names 2 channels and data.format.images 3",
        ),
        ({"file": "other.csv"}, "Cannot read other.csv: No such file or directory; give the path of a CSV"),
        ({"file": "i"}, "Cannot read i: Is a directory; give the path"),
    ],
)
def test_refused_options(root: Path, options: dict[str, object], expected: str) -> None:
    assert expected in refusal(root, f"image,label,x\n{A},\n", **options)


@pytest.mark.parametrize("name", [".a", "a ", "a\nb", "a\\b"])
def test_an_id_that_can_name_no_file_is_refused(root: Path, name: str) -> None:
    (root / f"{name}.nii.gz").touch()
    message = refusal(root, f'image,label\n"{name}.nii.gz",m/a.nii.gz\n')
    assert f"has a case with the id {name!r}, which cannot name a file" in message
