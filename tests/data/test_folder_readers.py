"""The readers that find cases by the names of files: nnU-Net's raw data and name patterns."""

import json
from pathlib import Path

import pytest

from medse.data.readers.folders import read_folders
from medse.data.readers.nnunet import read_nnunet
from medse.errors import InputError
from medse.labels import Labels

LABELS = Labels(("tumour",), (1,))
JSON: dict[str, object] = {
    "channel_names": {"0": "T1", "1": "T2"},
    "labels": {"background": 0, "edema": 2, "core": [1, 3]},
    "numTraining": 2,
    "file_ending": ".nii.gz",
}
NAMES = [
    "imagesTr/a b_0000.nii.gz", "imagesTr/a b_0001.nii.gz", "imagesTr/é_0000_0000.nii.gz",
    "imagesTr/é_0000_0001.nii.gz", "labelsTr/a b.nii.gz", "labelsTr/é_0000.nii.gz", "imagesTr/.hidden.nii.gz",
    "imagesTr/notes.txt",
]  # fmt: skip


def fill(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def nnunet(root: Path, *names: str, **changes: object) -> Path:
    content = {key: value for key, value in {**JSON, **changes}.items() if value is not None}
    (root / "dataset.json").write_text(json.dumps(content))
    return fill(root, *(names or NAMES))


def refusal(root: Path, reader: object = read_nnunet, labels: Labels | None = None, **options: object) -> str:
    with pytest.raises(InputError) as caught:
        reader(root, labels, **options)  # type: ignore[operator]
    message = str(caught.value)
    assert message.endswith(".")
    return message.replace(f"{root}/", "")


def test_nnunet(tmp_path: Path) -> None:
    found = read_nnunet(nnunet(tmp_path), None)
    assert found.channels == ("T1", "T2")
    assert found.labels == Labels(("core", "edema"), (1, 2), ((3,), ()))
    assert [case.id for case in found.cases] == ["a b", "é_0000"]
    case = found.cases[1]
    assert case.images == tuple(tmp_path / "imagesTr" / f"é_0000_000{i}.nii.gz" for i in (0, 1))
    assert (case.label, case.group) == (tmp_path / "labelsTr" / "é_0000.nii.gz", "é_0000")
    assert read_nnunet(tmp_path, LABELS).labels == LABELS


def test_nnunet_of_the_first_version(tmp_path: Path) -> None:
    changes = {"channel_names": None, "modality": {"0": "CT"}, "labels": {"0": "b", "1": "x"}}
    names = ["imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz"]
    root = nnunet(tmp_path, *names, numTraining=1, file_ending=None, **changes)
    found = read_nnunet(root, None)
    assert (found.channels, found.labels) == (("CT",), Labels(("x",), (1,)))
    assert [case.id for case in found.cases] == ["a"]


def test_nnunet_pictures(tmp_path: Path) -> None:
    names = ["imagesTr/a_0000.png", "labelsTr/a.png"]
    root = nnunet(tmp_path, *names, numTraining=None, channel_names={"0": "R"}, file_ending=".png")
    assert read_nnunet(root, None).cases[0].images == (tmp_path / "imagesTr" / "a_0000.png",)


def test_nnunet_with_a_list_of_cases(tmp_path: Path) -> None:
    fill(tmp_path, "x/a.nii.gz", "x/b.nii", "c.mha")
    entry = {"images": ["x/a.nii.gz", str(tmp_path / "x/b.nii")], "label": "c.mha"}
    (case,) = read_nnunet(nnunet(tmp_path, dataset={"k": entry}, numTraining=1), None).cases
    assert case.id == "k"
    assert case.images == (tmp_path / "x/a.nii.gz", tmp_path / "x/b.nii")
    assert case.label == tmp_path / "c.mha"


def test_nnunet_colours_in_one_file(tmp_path: Path) -> None:
    """The documented form of RGB: three names of channels, and files _0000 alone."""
    rgb = {"channel_names": {"0": "R", "1": "G", "2": "B"}, "file_ending": ".png", "numTraining": None}
    root = nnunet(
        tmp_path, "imagesTr/a_0000.png", "imagesTr/b_0000.png", "labelsTr/a.png", "labelsTr/b.png", **rgb
    )
    found = read_nnunet(root, None)
    assert found.channels == ("R", "G", "B")
    assert [case.images for case in found.cases] == [(root / f"imagesTr/{name}_0000.png",) for name in "ab"]
    fill(root, "imagesTr/a_0001.png")
    assert "belongs to case 'a', whose file imagesTr/a_0002.png does not exist" in refusal(root)
    entry = {"images": ["imagesTr/a_0000.png"], "label": "labelsTr/a.png"}
    (case,) = read_nnunet(nnunet(root, "x", dataset={"a": entry}, **rgb), None).cases
    assert case.images == (root / "imagesTr/a_0000.png",)


ENTRY = {"images": ["imagesTr/a b_0000.nii.gz", "imagesTr/a b_0001.nii.gz"], "label": "labelsTr/a b.nii.gz"}


@pytest.mark.parametrize(
    ("removed", "added", "expected"),
    [
        ("imagesTr/a b_0001", "", "belongs to case 'a b', whose file imagesTr/a b_0001.nii.gz does"),
        ("imagesTr/a b_0000", "", "belongs to case 'a b', whose file imagesTr/a b_0000.nii.gz does"),
        ("labelsTr/é", "", "belongs to case 'é_0000', whose file labelsTr/é_0000.nii.gz does not"),
        ("labelsTr/", "labelsTr/z.nii.gz", "labelsTr/a b.nii.gz does not exist (nor do files of 2 more"),
        ("imagesTr/a", "", "labelsTr/a b.nii.gz belongs to case 'a b', whose file imagesTr/a"),
        ("x", "imagesTr/a b_0002.nii.gz", "imagesTr/a b_0002.nii.gz is channel 2; dataset.json names 2"),
        ("x", "imagesTr/c.nii.gz", "imagesTr/c.nii.gz has no channel number before its ending"),
        ("imagesTr/a b_0001", "imagesTr/a b_0001.nii", "imagesTr/a b_0001.nii fits"),
        ("imagesTr", "", "Cannot list imagesTr: No such file or directory"),
        ("labelsTr", "", "Cannot list labelsTr: No such file or directory; give the folder"),
        ("", "imagesTr/notes.txt", "Cannot list labelsTr"),
        ("", "imagesTr/x.txt|labelsTr/x.txt", "No file fits imagesTr/{case}_0000.nii.gz or"),
    ],
)
def test_nnunet_files_that_do_not_fit(tmp_path: Path, removed: str, added: str, expected: str) -> None:
    names = [name for name in NAMES if not name.startswith(removed)]
    assert expected in refusal(nnunet(tmp_path, *names, *filter(None, added.split("|"))))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"file_ending": ".tif"}, "dataset.json has \"file_ending\": '.tif'; expected one of .nii.gz, "),
        ({"file_ending": [".nii"]}, "dataset.json has \"file_ending\": ['.nii']; expected"),
        ({"channel_names": {"0": "T1", "2": "T2"}}, "numbers its channels 0, 2; expected 0, 1"),
        ({"channel_names": ["T1"]}, "dataset.json names no channels"),
        ({"numTraining": 3}, 'announces 3 cases under "numTraining" and there are 2; add the cases'),
        ({"dataset": ["a"]}, 'dataset.json lists no cases under "dataset"; expected a case id for each'),
        ({"dataset": {}}, 'dataset.json lists no cases under "dataset"'),
        ({"dataset": {"a": None}}, "dataset.json has None as case 'a' under \"dataset\"; expected"),
        ({"dataset": {"a": ENTRY | {"images": [*ENTRY["images"], 3]}}}, "as case 'a' under \"dataset"),
        ({"dataset": {"a": ENTRY | {"images": [ENTRY["images"][0], 3]}}}, "as case 'a' under \"dataset"),
        ({"dataset": {"a": ENTRY | {"images": "x"}}}, 'as case \'a\' under "dataset"; expected "images'),
        ({"dataset": {"a": ENTRY | {"images": []}}}, "as case 'a' under \"dataset\"; expected"),
        ({"dataset": {"a": {"images": ["x", "y"]}}}, "as case 'a' under \"dataset\"; expected"),
        ({"dataset": {"a": ENTRY | {"label": "q.nii"}}}, "dataset.json lists q.nii, which does not exist"),
        ({"dataset": {"a": ENTRY | {"label": ["labelsTr/a b.nii.gz"]}}}, "as case 'a' under \"dataset"),
        ({"dataset": {"\udce9": ENTRY}}, "has a case with the id '\\udce9', which cannot name a file"),
        ({"dataset": {"a/b": ENTRY}}, "has a case with the id 'a/b', which cannot name a file"),
    ],
)
def test_nnunet_keys_that_do_not_fit(tmp_path: Path, changes: dict[str, object], expected: str) -> None:
    assert expected in refusal(nnunet(tmp_path, **changes))


def test_folders(tmp_path: Path) -> None:
    found = read_folders(fill(tmp_path, "images/b.nii.gz", "images/ä b.nii.gz", *LABEL_FILES), LABELS)
    assert [(case.id, case.group) for case in found.cases] == [("b", "b"), ("ä b", "ä b")]
    assert found.cases[1].images == (tmp_path / "images" / "ä b.nii.gz",)
    assert found.cases[1].label == tmp_path / "labels" / "ä b.nii.gz"
    assert found.labels == LABELS
    assert found.name == tmp_path.name


LABEL_FILES = ["labels/b.nii.gz", "labels/ä b.nii.gz"]


def test_all_files_in_one_folder(tmp_path: Path) -> None:
    """A mask is no image of a case a_seg, and what no pattern asks for is no matter."""
    fill(tmp_path, *(f"{case}{end}.nii.gz" for case in "ab" for end in ("", "_seg", "_t2")), "a_t2.json")
    images = (f"{tmp_path}/{{case}}.nii.gz", "{case}_t2.nii.gz")
    found = read_folders(tmp_path, LABELS, images=images, label="{case}_seg.nii.gz")
    assert found.channels == images
    assert [case.id for case in found.cases] == ["a", "b"]
    assert found.cases[0].images == (tmp_path / "a.nii.gz", tmp_path / "a_t2.nii.gz")


@pytest.mark.parametrize(
    ("names", "images", "label", "ids"),
    [
        (
            ["data/c_1/imaging.nii", "data/c_1/seg.nii"],
            "data/{case}/imaging.nii",
            "data/{case}/seg.nii",
            ["c_1"],
        ),
        (
            ["sub-01/anat/sub-01_T1w.nii", "der/01.nii"],
            "sub-{case}/anat/sub-{case}_T1w.nii",
            "der/{case}.nii",
            ["01"],
        ),
        (
            ["a/x.nii", "a_seg/x.nii", "b/x.nii", "b_seg/x.nii"],
            "{case}/x.nii",
            "{case}_seg/x.nii",
            ["a", "b"],
        ),
        (["a_a.nii", "a_b.nii", "m/a.nii"], "{case}_{case}.nii", "m/{case}.nii", ["a"]),
        (["a.nii", "m/a/a/a_a.nii"], "{case}.nii", "m/{case}/{case}/{case}_{case}.nii", ["a"]),
    ],
)
def test_a_folder_for_each_case(
    tmp_path: Path, names: list[str], images: str, label: str, ids: list[str]
) -> None:
    """What has no such file in it, such as a folder of notes, is no case."""
    fill(
        tmp_path,
        *names,
        "notes/read me.txt",
        "data/.DS_Store",
        "data/__MACOSX/._imaging.nii",
        "sub-02/anat/x.json",
    )
    found = read_folders(tmp_path, LABELS, images=(images,), label=label)
    assert [case.id for case in found.cases] == ids
    for case in found.cases:
        expected = [tmp_path / text.replace("{case}", case.id) for text in (images, label)]
        assert [*case.images, case.label] == expected
        assert all(path.is_file() for path in expected)


def test_one_pattern_with_all_channels(tmp_path: Path) -> None:
    fill(tmp_path, "images/a.nii.gz", "labels/a.nii.gz")
    found = read_folders(tmp_path, LABELS, channels=("red", "green", "blue"))
    assert (found.channels, len(found.cases[0].images)) == (("red", "green", "blue"), 1)


def test_a_header_and_its_voxels_are_one_file(tmp_path: Path) -> None:
    fill(tmp_path, "images/a.hdr", "images/a.img", "images/a.png", "labels/a.nii.gz")
    (case,) = read_folders(tmp_path, LABELS, images=("images/{case}.hdr",)).cases
    assert case.images == (tmp_path / "images" / "a.hdr",)


OF_FOLDERS = {"images": ("{case}/ct.nii.gz",), "label": "{case}/seg.nii.gz"}


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        ("images/a.nii.gz", {}, "Cannot list labels: No such file or directory"),
        ("images/x.txt labels/x.txt", {}, "No file fits images/{case}.nii.gz or labels/{case}.nii.gz; add"),
        ("images/a.nii.gz images/b.nii.gz labels/a.nii.gz", {}, "'b', whose file labels/b.nii.gz does not"),
        ("images/a.nii.gz labels/b.nii.gz labels/a.nii.gz", {}, "'b', whose file images/b.nii.gz does not"),
        ("images/a.nii labels/a.nii", {}, "images/a.nii fits images/{case}.nii.gz but for its suffix; all"),
        ("images/.nii.gz labels/.nii.gz", {}, "No file fits"),
        ("c1/ct.nii c1/seg.nii.gz", OF_FOLDERS, "c1/ct.nii fits {case}/ct.nii.gz but for its suffix"),
        ("c1/ct.nii.gz c2/seg.nii.gz c1/seg.nii.gz", OF_FOLDERS, "'c2', whose file c2/ct.nii.gz does not"),
        ("c1/mr.nii.gz", OF_FOLDERS, "No file fits {case}/ct.nii.gz or {case}/seg.nii.gz"),
        (
            "a.png",
            {"label": "{case}.png", "images": ("{case}.png",)},
            "a.png fits both {case}.png and {case}",
        ),
        ("xay.png", {"images": ("x{case}.png",), "label": "{case}y.png"}, "both x{case}.png and {case}y.png"),
    ],
)
def test_folders_that_do_not_fit(
    tmp_path: Path, names: str, options: dict[str, object], expected: str
) -> None:
    assert expected in refusal(fill(tmp_path, *names.split()), read_folders, LABELS, **options)


def test_the_classes_must_be_named(tmp_path: Path) -> None:
    assert "names no classes; data.labels must name the classes" in refusal(tmp_path, read_folders)
