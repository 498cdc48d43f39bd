"""Reading, the geometry gate and writing on exactly the grid that was read."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medse.volumes.reading import read_image
from medse.volumes.writing import write_label_map
from tests.support.orders import ORDERS, Order, matrix_of

SHAPE = (4, 5, 6)


def save(path: Path, array: np.ndarray[Any, Any], affine: Any = None, **header: Any) -> Path:
    image = nib.Nifti1Image(array, np.diag([1.0, 2.0, 3.0, 1.0]) if affine is None else affine)
    for key, value in header.items():
        image.header[key] = value
    nib.save(image, path)
    return path


@pytest.mark.parametrize("order", ORDERS)
def test_canonical_axes_agree_with_nibabel_and_come_back(tmp_path: Path, order: Order) -> None:
    array = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    affine = nib.affines.from_matvec(matrix_of(order, (1, 2, 3)), [7, -8, 9])
    path = save(tmp_path / "a.nii.gz", array, affine)
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
