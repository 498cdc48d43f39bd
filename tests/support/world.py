"""A trained run and its data, made once: for tests, and as the files that the examples in docstrings name."""

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.support.commands import medse
from tests.support.generated import TINY, write_data_set
from tests.support.pictures import write_picture_config, write_pictures


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, its configuration and a short run."""
    folder = tmp_path_factory.mktemp("world")
    write_data_set(folder / "set", 4)
    config = folder / "tiny.yaml"
    config.write_text(TINY.format(root=folder / "set").replace("max_epochs: 2", "max_epochs: 1"))
    assert medse("train", config, "--run", folder / "run") == 0
    return folder


@pytest.fixture(scope="session")
def picture_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pictures, their configuration and short runs of all its folds."""
    folder = tmp_path_factory.mktemp("picture_world")
    write_pictures(folder / "pictures")
    text = write_picture_config(folder / "pictures.yaml", folder / "pictures").read_text()
    (folder / "pictures.yaml").write_text(
        text.replace("max_epochs: 2", "max_epochs: 1").replace("folds: 3", "folds: 2")
    )
    assert medse("train", folder / "pictures.yaml", "--fold", "all", "--run", folder / "classifier") == 0
    return folder


@pytest.fixture(autouse=True)
def files_of_examples(request: pytest.FixtureRequest) -> None:
    """Let an example in a docstring run in a new folder with ``scan.nii.gz``, ``run`` and what belongs to them."""
    if not isinstance(request.node, pytest.DoctestItem):
        return
    world: Path = request.getfixturevalue("world")
    folder: Path = request.getfixturevalue("tmp_path")
    request.getfixturevalue("monkeypatch").chdir(folder)
    (folder / "tiny.yaml").symlink_to(world / "tiny.yaml")
    (folder / "run").symlink_to(world / "run")
    (folder / "scans").symlink_to(world / "set" / "imagesTr")
    (folder / "references").symlink_to(world / "set" / "labelsTr")
    if "classifier" in request.node.dtest.docstring:  # type: ignore[attr-defined]
        pictures: Path = request.getfixturevalue("picture_world")
        shutil.copytree(pictures, folder, dirs_exist_ok=True)
    shutil.copyfile(folder / "scans" / "ball_0.nii.gz", folder / "scan.nii.gz")
    for moved in (1, 2):
        (folder / f"moved_{moved}").mkdir()
        for path in (folder / "references").iterdir():
            image = nib.load(path)
            array = np.roll(np.asarray(image.dataobj), moved, axis=0)
            nib.save(nib.Nifti1Image(array, image.affine), folder / f"moved_{moved}" / path.name)
