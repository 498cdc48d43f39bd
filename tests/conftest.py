"""Data that the tests generate for themselves."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from medse.machine import cores
from tests.support.commands import medse
from tests.support.generated import TINY, write_case

if (
    "PYTEST_XDIST_WORKER_COUNT" in os.environ
):  # a worker, and what it starts, compute on their share of the cores
    share = cores() // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ["OMP_NUM_THREADS"] = str(max(1, share))


@pytest.fixture
def make_msd(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an MSD data set of ``cases`` small volumes with two balls each."""

    def make(cases: int = 4, channels: int = 1, name: str = "balls") -> Path:
        root = tmp_path / name
        (root / "imagesTr").mkdir(parents=True)
        (root / "labelsTr").mkdir()
        names = [f"ball_{i:02d}" for i in range(cases)]
        for seed, case in enumerate(names):
            write_case(root, case, seed, channels=channels)
        content = {
            "name": "Balls",
            "modality": {str(i): f"channel{i}" for i in range(channels)},
            "labels": {"0": "background", "3": "bright", "7": "dim"},
            "training": [
                {"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in names
            ],
        }
        (root / "dataset.json").write_text(json.dumps(content))
        return root

    return make


@pytest.fixture
def tiny_config(tmp_path: Path, make_msd: Callable[..., Path]) -> Path:
    """A configuration that trains for seconds on four generated cases."""
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.format(root=make_msd()))
    return path


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, its configuration and a short run."""
    folder = tmp_path_factory.mktemp("world")
    root = folder / "set"
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir(parents=True)
    names = [f"ball_{i}" for i in range(4)]
    for seed, name in enumerate(names):
        write_case(root, name, seed)
    content = {
        "modality": {"0": "MR"},
        "labels": {"0": "background", "3": "bright", "7": "dim"},
        "training": [{"image": f"imagesTr/{n}.nii.gz", "label": f"labelsTr/{n}.nii.gz"} for n in names],
    }
    (root / "dataset.json").write_text(json.dumps(content))
    config = folder / "tiny.yaml"
    config.write_text(TINY.format(root=root).replace("max_epochs: 2", "max_epochs: 1"))
    assert medse("train", config, "--run", folder / "run") == 0
    return folder
