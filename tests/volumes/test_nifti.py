"""Reading, the geometry gate and writing on exactly the grid that was read."""

import itertools
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medse.volumes.reading import read_image, read_label_map
from medse.volumes.writing import write_label_map

SHAPE = (4, 5, 6)
ORDERS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def save(path: Path, array: np.ndarray[Any, Any], affine: Any = None, **header: Any) -> Path:
    image = nib.Nifti1Image(array, np.diag([1.0, 2.0, 3.0, 1.0]) if affine is None else affine)
    for key, value in header.items():
        image.header[key] = value
    nib.save(image, path)
    return path


def reordered(order: tuple[int, ...], signs: tuple[int, ...]) -> Any:
    affine = np.zeros((4, 4))
    for column, (row, sign) in enumerate(zip(order, signs, strict=True)):
        affine[row, column] = sign * (row + 1)
    affine[:3, 3] = (7, -8, 9)
    affine[3, 3] = 1
    return affine


@pytest.mark.parametrize(("order", "signs"), ORDERS)
def test_canonical_axes_agree_with_nibabel_and_come_back(
    tmp_path: Path, order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    path = save(tmp_path / "a.nii.gz", array, reordered(order, signs))
    image, grid = read_image(path)
    expected = nib.as_closest_canonical(nib.load(path))
    canonical = grid.to_canonical(image)
    np.testing.assert_array_equal(canonical[0], np.asarray(expected.dataobj))
    np.testing.assert_array_equal(grid.from_canonical(canonical)[0], array)
    assert grid.canonical_shape == expected.shape
    np.testing.assert_allclose(grid.canonical_spacing_mm, expected.header.get_zooms())


def test_a_label_map_lies_on_exactly_the_grid_it_was_made_for(tmp_path: Path) -> None:
    source = nib.Nifti1Image(np.ones((*SHAPE, 1), np.float32), None)
    source.set_qform(nib.affines.from_matvec(np.diag([-0.84, 1.5, 0.94]), [3.3, 4, 5]), 1)
    source.set_sform(nib.affines.from_matvec(np.diag([-0.84, 1.5, 0.94]), [3.3, 4, 5]), 2)
    source.header.set_xyzt_units("mm", "sec")
    source.header["cal_max"] = 99
    nib.save(source, tmp_path / "in.nii.gz")
    _, grid = read_image(tmp_path / "in.nii.gz")
    label = np.random.default_rng(0).integers(0, 300, SHAPE).astype(np.int16)
    write_label_map(tmp_path / "out.nii.gz", label, grid)
    before, after = (nib.load(tmp_path / name) for name in ("in.nii.gz", "out.nii.gz"))
    assert after.shape == before.shape == (*SHAPE, 1)
    np.testing.assert_array_equal(after.affine, before.affine)
    for key in ("qform_code", "sform_code", "xyzt_units", "pixdim", "quatern_b", "qoffset_x"):
        np.testing.assert_array_equal(after.header[key], before.header[key], err_msg=key)
    assert after.header["cal_max"] == 0
    assert after.get_data_dtype() == np.int16
    np.testing.assert_array_equal(np.asarray(after.dataobj)[..., 0], label)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.nii.gz", "out.nii.gz"]


def test_channels_come_first(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(*SHAPE, 2)).astype(np.float32)
    image, grid = read_image(save(tmp_path / "a.nii", array), channels=2)
    np.testing.assert_array_equal(image, array.transpose(3, 0, 1, 2))
    assert grid.shape == SHAPE


def test_whole_numbers_in_a_float_file_are_labels(tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 4, SHAPE)
    found, _ = read_label_map(save(tmp_path / "a.nii", array.astype(np.float64)))
    assert np.issubdtype(found.dtype, np.integer)
    np.testing.assert_array_equal(found, array)
