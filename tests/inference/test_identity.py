"""A network that returns its input gives a label map back bit for bit, whatever the file's axes."""

import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from torch import nn

from medse.inference.segmenter import Segmenter
from medse.inference.torch_backend import TorchBackend
from medse.labels import Labels
from medse.preprocess import Preprocessing
from medse.volumes.reading import read_image
from medse.volumes.writing import write_label_map

LABELS = Labels(names=("left", "right", "middle"), values=(4, 11, 300))
ORDERS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def rotation() -> Any:
    angle = np.deg2rad(20)
    about_z = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    return about_z @ about_x


@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize(("order", "signs"), ORDERS)
def test_label_map_comes_back(
    tmp_path: Path, order: tuple[int, ...], signs: tuple[int, ...], oblique: bool
) -> None:
    random = np.random.default_rng(0)
    shape = (11, 21, 13)
    label = np.array([0, *LABELS.values], np.int16)[random.integers(0, 4, shape)]
    one_hot = np.stack([label == value for value in (0, *LABELS.values)], axis=-1).astype(np.float32)
    spacing = (0.9, 1.1, 2.0)
    matrix = np.zeros((3, 3))
    for column, (row, sign) in enumerate(zip(order, signs, strict=True)):
        matrix[row, column] = sign * spacing[row]
    if oblique:
        matrix = rotation() @ matrix
    affine = nib.affines.from_matvec(matrix, [12.5, -80, 33])
    nib.save(nib.Nifti1Image(one_hot, affine), tmp_path / "in.nii.gz")

    array, grid = read_image(tmp_path / "in.nii.gz", channels=4)
    segmenter = Segmenter(
        Preprocessing(grid.canonical_spacing_mm, None), LABELS, 4, (8, 16, 8), TorchBackend(nn.Identity())
    )
    write_label_map(tmp_path / "out.nii.gz", segmenter.segment(array, grid), grid)

    found = nib.load(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(np.asarray(found.dataobj), label)
    np.testing.assert_array_equal(found.affine, nib.load(tmp_path / "in.nii.gz").affine)
    assert found.get_data_dtype() == np.int16
