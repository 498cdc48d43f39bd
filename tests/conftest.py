"""Data that the tests generate for themselves."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

if (
    "PYTEST_XDIST_WORKER_COUNT" in os.environ
):  # a worker, and what it starts, compute on their share of the cores
    share = (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    os.environ["OMP_NUM_THREADS"] = str(max(1, share))

AFFINE = np.array([[-1.0, 0, 0, 10], [0, 1.0, 0, -20], [0, 0, 1.0, 5], [0, 0, 0, 1]])  # LAS: not RAS


def write_case(
    root: Path, name: str, seed: int, shape: tuple[int, int, int] = (18, 22, 16), channels: int = 1
) -> None:
    """Write an image whose bright ball is class 3 and dim ball class 7, and its label map."""
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    label = np.zeros(shape, np.uint8)
    for value, centre in ((3, (5, 7, 8)), (7, (12, 15, 8))):
        label[((grid - (centre + random.uniform(-1, 1, 3))) ** 2).sum(-1) < 14] = value
    image = np.choose(np.searchsorted([0, 3, 7], label), [10.0, 100.0, 55.0]) + random.normal(0, 6, shape)
    if channels > 1:
        image = np.stack([image, *(-image for _ in range(channels - 1))], axis=-1)
    nib.save(nib.Nifti1Image(image.astype(np.float32), AFFINE), root / "imagesTr" / f"{name}.nii.gz")
    nib.save(nib.Nifti1Image(label, AFFINE), root / "labelsTr" / f"{name}.nii.gz")


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


TINY = """\
data:
  root: {root}
  patch_size: [16, 16, 16]
  folds: 2
net:
  name: unet
  channels: [8, 16]
  attention: scse
  deep_supervision: true
loss:
  name: dice_ce
optimizer:
  name: adamw
  lr: 5e-3
trainer:
  max_epochs: 2
  steps_per_epoch: 3
  batch_size: 2
  validate_every: 1
  augmentation:
    mirror_axes: [0, 1]
"""


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
    from commands import medse  # which imports this module

    assert medse("train", config, "--run", folder / "run") == 0
    return folder
