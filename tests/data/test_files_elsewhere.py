"""A data set that names files outside its folder says so: it may be somebody else's, and the files one's own."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from medse.data.cases import Dataset
from medse.data.readers.case_table import read_csv
from medse.data.readers.msd import read_msd
from medse.data.readers.nnunet import read_nnunet
from medse.labels import Labels

LABELS = Labels(("tumour",), (1,))


def write_csv(root: Path, image: str, label: str) -> Dataset:
    (root / "cases.csv").write_text(f"image,label\n{image},{label}\nb.nii.gz,m.nii.gz\n", encoding="utf-8")
    return read_csv(root, LABELS)


def write_msd(root: Path, image: str, label: str) -> Dataset:
    cases = [{"image": image, "label": label}, {"image": "b.nii.gz", "label": "m.nii.gz"}]
    content = {"modality": {"0": "MRI"}, "training": cases}
    (root / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    return read_msd(root, LABELS)


def write_nnunet(root: Path, image: str, label: str) -> Dataset:
    cases = {"a": {"images": [image], "label": label}, "b": {"images": ["b.nii.gz"], "label": "m.nii.gz"}}
    content = {"channel_names": {"0": "MRI"}, "dataset": cases}
    (root / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    return read_nnunet(root, LABELS)


@pytest.mark.parametrize("write", [write_csv, write_msd, write_nnunet])
def test_files_outside_the_folder_are_counted(
    write: Callable[[Path, str, str], Dataset], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "set"
    (root / "sub").mkdir(parents=True)
    for file in ("set/a.nii.gz", "set/n.nii.gz", "set/b.nii.gz", "set/m.nii.gz", "mine.nii.gz", "too.nii.gz"):
        (tmp_path / file).touch()
    (root / "linked.nii.gz").symlink_to(tmp_path / "mine.nii.gz")
    with caplog.at_level(logging.WARNING, "medse"):
        inside = [
            ("a.nii.gz", "n.nii.gz"),
            ("linked.nii.gz", str(root / "n.nii.gz")),
            ("sub/../a.nii.gz", "n.nii.gz"),
        ]
        for image, label in inside:
            assert len(write(root, image, label).cases) == 2
        assert caplog.messages == []
        assert len(write(root, "../mine.nii.gz", str(tmp_path / "too.nii.gz")).cases) == 2
    (message,) = caplog.messages
    assert "2 files outside" in message
    assert "mine.nii.gz" in message
