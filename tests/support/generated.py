"""A small data set with two balls in every scan, and a configuration that trains on it for seconds."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np

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


def write_data_set(root: Path, cases: int, channels: int = 1) -> None:
    """Write an MSD data set of ``ball_0``, ``ball_1``, ..."""
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    names = [f"ball_{number}" for number in range(cases)]
    for seed, name in enumerate(names):
        write_case(root, name, seed, channels=channels)
    content = {
        "name": "Balls",
        "modality": {str(number): f"channel{number}" for number in range(channels)},
        "labels": {"0": "background", "3": "bright", "7": "dim"},
        "training": [{"image": f"./imagesTr/{n}.nii.gz", "label": f"./labelsTr/{n}.nii.gz"} for n in names],
    }
    (root / "dataset.json").write_text(json.dumps(content))


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
