"""Which files become which scan."""

import re
from pathlib import Path

import pytest

from medse.config.sections import Data
from medse.data.scans import Scan, collect_scans
from medse.errors import InputError


def collected(inputs: list[Path], channels: int, layout: object = "msd") -> dict[str, list[str]]:
    data = Data.model_validate({"root": ".", "patch_size": (8, 8, 8), "format": layout})
    scans: dict[str, Scan] = collect_scans(
        inputs,
        channels,
        data.format.name,
        getattr(data.format, "images", None),
        getattr(data.format, "case", "case"),
    )
    return {name: [path.name for path in files] for name, files in scans.items()}


def touch(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_one_file_per_scan(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "b.nii.gz", "a_0000.mha", ".hidden.nii")
    alone = touch(tmp_path, "c d.nii") / "c d.nii"
    assert collected([folder, alone], 1) == {"a_0000": ["a_0000.mha"], "b": ["b.nii.gz"], "c d": ["c d.nii"]}
    assert collected([folder], 2) == {"a_0000": ["a_0000.mha"], "b": ["b.nii.gz"]}  # each holds both channels
    assert collected([folder / "{case}_0000.mha"], 1) == {"a": ["a_0000.mha"]}


def test_numbered_channels(tmp_path: Path) -> None:
    names = ["x_0001.nii.gz", "x_0000.nii.gz", "y_0000.nii.gz", "y_0001.nii.gz"]
    folder = touch(tmp_path / "in", *names)
    for layout in ("nnunet", "msd"):
        assert collected([folder], 2, layout) == {
            "x": ["x_0000.nii.gz", "x_0001.nii.gz"],
            "y": ["y_0000.nii.gz", "y_0001.nii.gz"],
        }
    given = [folder / names[0], folder / names[1]]  # in the wrong order
    assert collected(given, 2) == {"x": ["x_0000.nii.gz", "x_0001.nii.gz"]}
    single = touch(tmp_path / "one", "z_0000.nii.gz")
    assert collected([single], 1, "nnunet") == {"z": ["z_0000.nii.gz"]}


def test_channels_are_no_scans_of_a_run_of_one_channel(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "a_0000.nii", "a_0001.nii", "b_0000.nii", "b_0001.nii")
    with pytest.raises(InputError, match=r"Case 'a' in .*in has 2 files .* this run has 1 channel; "):
        collected([folder], 1)
    assert collected([folder / "{case}_0000.nii"], 1) == {"a": ["a_0000.nii"], "b": ["b_0000.nii"]}
    assert list(collected([folder / "{case}.nii"], 1)) == ["a_0000", "a_0001", "b_0000", "b_0001"]
    counted = touch(tmp_path / "counted", "hip_0001.nii", "hip_0002.nii")  # channels are counted from 0
    assert list(collected([counted], 1)) == ["hip_0001", "hip_0002"]
    assert list(collected([touch(tmp_path / "one", "a_0000.nii", "b_0000.nii")], 1)) == ["a_0000", "b_0000"]


def test_patterns_of_the_run(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "a_t2.nii", "a_t1.nii", "a_seg.nii")
    layout = {"name": "folders", "images": ["img/{case}_t1.nii", "img/{case}_t2.nii"]}
    assert collected([folder], 2, layout) == {"a": ["a_t1.nii", "a_t2.nii"]}


def test_a_folder_for_each_case(tmp_path: Path) -> None:
    root = touch(tmp_path / "in", "s0/ct.nii.gz", "s1/ct.nii.gz", "s1/seg.nii.gz", "notes/x.txt")
    expected = {"s0": ["ct.nii.gz"], "s1": ["ct.nii.gz"]}
    assert collected([root / "{case}/ct.nii.gz"], 1) == expected
    assert collected([root / "s0/ct.nii.gz", root / "s1/ct.nii.gz"], 1) == expected
    layout = {"name": "folders", "images": ["data/{case}/ct.nii.gz"], "label": "data/{case}/seg.nii.gz"}
    assert collected([root], 1, layout) == expected
    with pytest.raises(
        InputError, match=r"in holds no volume, but .*s0/ct\.nii\.gz; .*in/\{case\}/ct\.nii\.gz'"
    ):
        collected([root], 1)
    deep = touch(tmp_path / "bids", "sub-1/anat/sub-1_T1w.nii", "sub-2/anat/sub-2_T1w.nii")
    assert list(collected([deep / "sub-{case}" / "anat/sub-{case}_T1w.nii"], 1)) == ["1", "2"]
    with pytest.raises(InputError, match=r"such as '.*/bids/\{case\}/anat/\{case\}_T1w\.nii'"):
        collected([deep], 1)


def test_numbered_channels_in_a_folder_for_each_case(tmp_path: Path) -> None:
    names = [f"{case}/mr_000{k}.nii" for case in ("p", "q") for k in (0, 1)]
    root = touch(tmp_path / "in", *names)
    assert collected([root / name for name in names], 2, "nnunet") == {
        "p": ["mr_0000.nii", "mr_0001.nii"],
        "q": ["mr_0000.nii", "mr_0001.nii"],
    }
    apart = [touch(tmp_path / f"t{k}", f"x_000{k}.nii") for k in (0, 1)]
    assert collected(apart, 2, "nnunet") == {"x": ["x_0000.nii", "x_0001.nii"]}


def test_colours_in_one_file(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "a_0000.png", "b_0000.png")
    assert collected([folder], 3, "nnunet") == {"a": ["a_0000.png"], "b": ["b_0000.png"]}
    assert collected([folder], 3, "msd") == {"a_0000": ["a_0000.png"], "b_0000": ["b_0000.png"]}


def test_pictures_beside_volumes_are_left_out_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = touch(
        tmp_path / "in",
        "a.nii.gz",
        "a.json",
        "preview.png",
        "x.JPG",
        "._a.nii.gz",
        "Thumbs.db",
        "desktop.ini",
    )
    with caplog.at_level("INFO", "medse"):
        assert collected([folder], 1) == {"a": ["a.nii.gz"]}
    (remark,) = caplog.messages
    assert "2 pictures beside volumes" in remark
    assert "preview.png" in remark
    assert list(collected([touch(tmp_path / "only", "a.png", "b.jpg")], 1)) == ["a", "b"]


def test_a_table(tmp_path: Path) -> None:
    touch(tmp_path, "b.nii", "c.nii")
    (tmp_path / "scans.csv").write_text("image,image2\nb.nii,c.nii\n")
    assert collected([tmp_path / "scans.csv"], 2, "csv") == {"b": ["b.nii", "c.nii"]}
    (tmp_path / "named.csv").write_text("t1,t2\nb.nii,c.nii\n")
    (tmp_path / "ids.csv").write_text("case,image\np,b.nii\nq,c.nii\n")
    assert list(collected([tmp_path / "ids.csv"], 1)) == ["p", "q"]
    layout = {"name": "csv", "images": ["t2", "t1"]}
    assert collected([tmp_path / "named.csv"], 2, layout) == {"c": ["c.nii", "b.nii"]}


@pytest.mark.parametrize(
    ("names", "channels", "layout", "sentence"),
    [
        (["a_0001.nii"], 2, "msd", r"Case 'a' has .*a_0001\.nii; this run needs 2 channels"),
        (["a_0000.nii", "a_0002.nii"], 2, "nnunet", r"names end in _0000 to _0001; add or remove"),
        (["a.nii"], 1, "nnunet", r"a\.nii names no channel; .* end in _0000; rename"),
        (["a.nii", "a.nii.gz"], 1, "msd", r"a\.nii and .*a\.nii\.gz have the same case id 'a'"),
        ([], 1, "msd", r"in holds no volume"),
    ],
)
def test_refusals(tmp_path: Path, names: list[str], channels: int, layout: str, sentence: str) -> None:
    folder = touch(tmp_path / "in", *names)
    with pytest.raises(InputError, match=sentence):
        collected([folder], channels, layout)


@pytest.mark.parametrize(
    "name", ["/abs/patient", "../../evil", "a/b", "a\\b", "..", ".", "x.", "nul", "COM1.x", "a\x1b"]
)
def test_an_id_that_would_leave_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "b.nii", "c.nii")
    (tmp_path / "scans.csv").write_text(f"case,image\nq,c.nii\n{name},b.nii\n")
    with pytest.raises(InputError, match=rf"scans\.csv, line 3 has .* id {re.escape(repr(name))}, which"):
        collected([tmp_path / "scans.csv"], 1)


def test_the_id_of_a_file_or_a_pattern_must_name_a_file_too(tmp_path: Path) -> None:
    folder = touch(tmp_path / "in", "x_...nii", "x_ .nii")
    for where in (folder / "{case}.nii", folder, tmp_path / "in" / "x_{case}.nii"):
        with pytest.raises(InputError, match="cannot name a file"):
            collected([where], 1)
    layout = {"name": "folders", "images": ["x_{case}.nii", "y_{case}.nii"]}
    touch(tmp_path / "two", "x_...nii", "y_...nii")
    with pytest.raises(InputError, match=r"id '\.\.', which cannot name a file"):
        collected([tmp_path / "two"], 2, layout)


def test_one_file_by_two_paths_is_given_twice(tmp_path: Path) -> None:
    root = touch(tmp_path / "l", "c0/ct.nii", "c1/ct.nii", "c1/mr.nii")
    (tmp_path / "links").symlink_to(root)
    for other in (root / "c0/../c0/ct.nii", tmp_path / "links/c0/ct.nii"):
        with pytest.raises(InputError, match=r"c0/ct\.nii is given twice; "):
            collected([other, root / "c0/ct.nii"], 1)
    pattern = tmp_path / "links/{case}/ct.nii"
    with pytest.raises(InputError, match=r"c0/ct\.nii is given twice; "):
        collected([pattern, root / "{case}/ct.nii"], 1)
    assert list(collected([root / "c1/../c0/ct.nii", root / "c0/../c1/ct.nii"], 1)) == ["c0", "c1"]
    (root / "again.nii").symlink_to(root / "c1/mr.nii")  # another name, and so another scan
    assert list(collected([root / "c1/mr.nii", root / "again.nii"], 1)) == ["mr", "again"]


def test_inputs_that_meet(tmp_path: Path) -> None:
    first, second = touch(tmp_path / "1", "a.nii", "b.nii"), touch(tmp_path / "2", "a.nii.gz")
    with pytest.raises(InputError, match=r"1/a\.nii and .*2/a\.nii\.gz give two cases the id 'a'"):
        collected([first, second], 1)
    with pytest.raises(InputError, match=r"1/b\.nii is given twice; .*leave one"):
        collected([first, first / "b.nii"], 1)
    with pytest.raises(InputError, match=r"2/a\.nii\.gz is given twice; .*leave one"):
        collected([second / "a.nii.gz", second / "{case}.nii.gz"], 1)
    with pytest.raises(InputError, match=r"1/a\.nii and .*2/a\.nii\.gz have the same case id 'a'"):
        collected([first / "{case}.nii", second / "{case}.nii.gz"], 1)
    with pytest.raises(InputError, match=r"gone\.nii does not exist"):
        collected([tmp_path / "gone.nii"], 1)
    with pytest.raises(InputError, match=r"No file fits .*\{case\}_t1\.nii"):
        collected([first / "{case}_t1.nii"], 1)
