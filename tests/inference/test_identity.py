"""A network that returns its input gives a label map back bit for bit, whatever the file's axes."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medse.inference.segmenter import Segmenter
from medse.inference.torch_backend import TorchBackend
from medse.labels import Labels
from medse.preprocess import Preprocessing, window
from medse.volumes.reading import read_image
from medse.volumes.writing import write_label_map
from tests.support.orders import ORDERS, Order, matrix_of

LABELS = Labels(names=("left", "right", "middle"), values=(4, 11, 300))
VALUES = np.array([0, *LABELS.values], np.int16)
SPACING_MM = (0.9, 1.1, 2.0)
WINDOWS = [((8, 16, 8), None), ((8, 16), 0), ((16, 8), 1), ((8, 16), 2)]
"""Patch of a network in 3-D, and of ones in 2-D across each axis."""


class OneHot(nn.Module):
    """Scores of an image that holds the index of the class in each voxel, for patches that it knows."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, image: Tensor) -> Tensor:
        assert image.shape[1] == 1
        assert image.ndim == 2 + self.axes
        return torch.cat([image == k for k in range(LABELS.classes)], dim=1).float()


def affine_of(order: Order, oblique: bool) -> Any:
    matrix = matrix_of(order, SPACING_MM)
    if oblique:
        angle = np.deg2rad(20)
        sine, cosine = np.sin(angle), np.cos(angle)
        about_z = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
        about_x = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
        matrix = about_z @ about_x @ matrix
    return nib.affines.from_matvec(matrix, [12.5, -80, 33])


@pytest.mark.parametrize(
    ("shape", "oblique"),
    [
        ((11, 21, 13), False),
        ((11, 21, 13), True),
        ((7, 9, 11, 1), True),
        ((7, 9, 11, 1, 1), False),
        ((17, 12), True),
    ],
)
@pytest.mark.parametrize("order", ORDERS)
def test_label_map_comes_back(tmp_path: Path, order: Order, shape: tuple[int, ...], oblique: bool) -> None:
    source, result = tmp_path / "in.nii.gz", tmp_path / "out.nii.gz"
    indices = np.random.default_rng(0).integers(0, 4, shape)
    nib.save(nib.Nifti1Image(indices.astype(np.float32), affine_of(order, oblique)), source)
    array, grid = read_image(source)
    for patch_size, slice_axis in WINDOWS:
        spacing = list(grid.canonical_spacing_mm)
        if slice_axis is not None:
            spacing[slice_axis] = 77  # means nothing there
        x, y, z = spacing
        segmenter = Segmenter(
            Preprocessing((x, y, z), None, slice_axis),
            LABELS,
            channels=1,
            patch_size=window(patch_size, slice_axis or 0),
            infer=TorchBackend(OneHot(len(patch_size)), slice_axis),
            batch_size=8,
        )
        write_label_map(result, segmenter.segment(array, grid), grid)
        found = nib.load(result)
        assert found.shape == shape
        np.testing.assert_array_equal(np.asarray(found.dataobj), VALUES[indices])
        np.testing.assert_array_equal(found.affine, nib.load(source).affine)
        assert found.get_data_dtype() == np.int16


@pytest.mark.parametrize("order", ORDERS)
def test_channels_come_back_as_classes(tmp_path: Path, order: Order) -> None:
    indices = np.random.default_rng(0).integers(0, 4, (11, 21, 13))
    one_hot = np.eye(4, dtype=np.float32)[indices]
    nib.save(nib.Nifti1Image(one_hot, affine_of(order, True)), tmp_path / "in.nii.gz")
    array, grid = read_image(tmp_path / "in.nii.gz", channels=4)
    way = Preprocessing(grid.canonical_spacing_mm, None)
    segmenter = Segmenter(way, LABELS, 4, (8, 16, 8), TorchBackend(nn.Identity()))
    np.testing.assert_array_equal(segmenter.segment(array, grid), VALUES[indices])
