"""A scan stored along other axes gives the same label map along those axes: left stays left."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medse.runs.trained import LoadedRun, load_run
from medse.train import train_run
from tests.support.orders import ORDERS

CONFIG = """\
data: {{root: {root}, patch_size: {patch}, folds: 2}}
net: {{name: unet, channels: [8, 16], attention: scse}}
loss: dice_ce
optimizer: {{name: adamw, lr: 1e-2}}
trainer: {{max_epochs: {epochs}, steps_per_epoch: 10, validate_every: 20, augmentation: {{mirror_axes: [0]}}}}
"""


def paired_case(seed: int) -> tuple[nib.Nifti1Image, nib.Nifti1Image]:
    """Two balls beside each other in an oblique LPS grid; the subject's left one is the brighter."""
    random = np.random.default_rng(seed)
    shape = (17, 14, 12)
    turn = np.deg2rad(12)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    affine = nib.affines.from_matvec(rotation @ np.diag([-1.0, -1.1, 1.2]), [30, 20, -10])
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    world_x = nib.affines.apply_affine(affine, voxels)[..., 0]
    near = [
        ((voxels - (centre + random.uniform(-0.5, 0.5, 3))) ** 2).sum(-1) < 12
        for centre in ((4, 7, 6), (12, 7, 6))
    ]
    left_first = world_x[near[0]].mean() < world_x[near[1]].mean()
    left, right = near if left_first else near[::-1]
    label = np.zeros(shape, np.uint8)
    label[left], label[right] = 20, 10
    image = np.select([label == 20, label == 10], [200.0, 120.0], 30.0) + random.normal(0, 4, shape)
    return nib.Nifti1Image(image.astype(np.float32), affine), nib.Nifti1Image(label, affine)


@pytest.fixture(scope="module", params=[("[16, 16, 8]", 6), ("[16, 16]", 12)], ids=["3-D", "2-D"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoadedRun:
    folder = tmp_path_factory.mktemp("pairs")
    for name in ("imagesTr", "labelsTr"):
        (folder / "set" / name).mkdir(parents=True)
    for seed in range(4):
        image, label = paired_case(seed)
        nib.save(image, folder / "set" / "imagesTr" / f"case{seed}.nii.gz")
        nib.save(label, folder / "set" / "labelsTr" / f"case{seed}.nii.gz")
    content = {
        "modality": {"0": "MR"},
        "labels": {"0": "background", "10": "right_ball", "20": "left_ball"},
        "training": [
            {"image": f"imagesTr/case{i}.nii.gz", "label": f"labelsTr/case{i}.nii.gz"} for i in range(4)
        ],
    }
    (folder / "set" / "dataset.json").write_text(json.dumps(content))
    (folder / "c.yaml").write_text(
        CONFIG.format(root=folder / "set", patch=request.param[0], epochs=request.param[1])
    )
    train_run(folder / "c.yaml", folder / "run")
    return load_run(folder / "run")


def test_every_order_of_axes_gives_the_same_label_map(run: LoadedRun, tmp_path: Path) -> None:
    image, truth = paired_case(99)
    nib.save(image, tmp_path / "scan.nii.gz")
    expected = run.segment(tmp_path / "scan.nii.gz")
    found = np.asarray(expected.dataobj)
    x = nib.affines.apply_affine(
        image.affine, np.stack(np.meshgrid(*map(np.arange, found.shape), indexing="ij"), axis=-1)
    )[..., 0]
    assert x[found == 20].mean() < x[found == 10].mean()  # RAS: the left has the smaller x
    assert (found == np.asarray(truth.dataobj)).mean() > 0.95
    for number, order in enumerate(ORDERS):
        path = tmp_path / f"{number}.nii.gz"
        nib.save(image.as_reoriented(order), path)
        other = run.segment(path)
        np.testing.assert_array_equal(
            np.asarray(other.dataobj), np.asarray(expected.as_reoriented(order).dataobj)
        )
        np.testing.assert_allclose(other.affine, nib.load(path).affine, atol=1e-6)
