"""Volumes brought onto another grid, against scipy and against a function of world coordinates."""

import re
import shlex
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from medse import machine
from medse.errors import InputError
from medse.resample import resample
from medse.volumes.grid import check_same_grid
from medse.volumes.reading import read_grid, read_image, read_label_grid, read_label_map
from tests.support.commands import medse

SHEARED = np.array([[1.0, 0.3, 0, -10], [0, 1.5, 0.2, 4], [0.1, 0, 2, 0], [0, 0, 0, 1]])
TARGET = nib.affines.from_matvec(np.diag([-1.3, 1.1, 1.7]), [8, 10, 9])


def world(shape: tuple[int, ...], affine: Any) -> np.ndarray[Any, Any]:
    voxels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    return nib.affines.apply_affine(affine, voxels)


def field(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return 100 + np.sin(points[..., 0] / 6) * 20 + points[..., 1] + 0.5 * points[..., 2]


def save(path: Path, array: Any, affine: Any) -> Path:
    image = nib.Nifti1Image(array, affine)
    image.set_sform(affine, 1)
    image.header["qform_code"] = 0
    nib.save(image, path)
    return path


def inside(affine: Any, shape: tuple[int, ...], points: np.ndarray[Any, Any], margin: float) -> Any:
    voxels = nib.affines.apply_affine(np.linalg.inv(affine), points)
    return ((voxels > margin) & (voxels < np.array(shape) - 1 - margin)).all(axis=-1)


@pytest.mark.parametrize("like", [True, False])
def test_a_sheared_image_keeps_its_values_in_the_world(tmp_path: Path, like: bool) -> None:
    shape = (20, 22, 18)
    source = save(tmp_path / "a b.nii", field(world(shape, SHEARED)).astype(np.float32), SHEARED)
    target = save(tmp_path / "t.nii.gz", np.zeros((14, 15, 12), np.uint8), TARGET) if like else None
    with pytest.raises(InputError, match="not at right angles"):
        read_image(source)
    out = resample(source, tmp_path / "out.nii.gz", like=target, labels=False)
    values, grid = read_image(out)
    if like:
        assert grid.shape == (14, 15, 12)
        np.testing.assert_allclose(grid.affine, TARGET, atol=1e-6)
    else:
        np.testing.assert_allclose(
            grid.affine[:3, :3], np.diag(np.linalg.norm(SHEARED[:3, :3], axis=0)), rtol=1e-6
        )
        corners = world((2, 2, 2), SHEARED @ np.diag([*(np.array(shape) - 1), 1]))
        assert inside(grid.affine, grid.shape, corners, -1).all()
    points = world(grid.shape, grid.affine)
    safe = inside(SHEARED, shape, points, 3)
    assert safe.sum() > 300
    np.testing.assert_allclose(values[0][safe], field(points)[safe], atol=0.2)


def followed(error: InputError) -> Path:
    """Run the command in a sentence as it stands, and return the file that it names."""
    command = re.search(r"run (medse .*?\.nii\.gz'?)(?=[.,])", str(error))
    assert command, error
    words = shlex.split(command[1])
    assert medse(*words[1:]) == 0
    return Path(words[-1])


@pytest.mark.parametrize("name", ["a scan.nii", "-odd;name$.nii.gz"])
def test_the_command_in_a_refusal_mends_a_sheared_label_map(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    labels = np.random.default_rng(0).choice([0, 4, 11, 70_000], (9, 8, 7)).astype(np.int32)
    source = save(tmp_path / name, labels, SHEARED)
    with pytest.raises(InputError, match="not at right angles") as caught:
        read_label_map(source)
    found, _ = read_label_map(followed(caught.value))
    assert np.asarray(found).dtype.kind in "iu"
    assert set(np.unique(found)) == {0, 4, 11, 70_000}
    image = save(tmp_path / f"i{name}", field(world((9, 8, 7), SHEARED)).astype(np.float32), SHEARED)
    with pytest.raises(InputError, match="not at right angles") as caught:
        read_image(image)
    assert read_image(followed(caught.value))[0].dtype == np.float32


def test_the_command_in_a_refusal_brings_a_label_map_onto_its_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image = read_grid(save(tmp_path / "t.nii", np.zeros((14, 15, 12), np.uint8), TARGET))
    labels = np.random.default_rng(0).choice([0, 4, 11], (9, 8, 7)).astype(np.uint8)
    other = save(tmp_path / "label map.nii.gz", labels, np.diag([2, 2, 3, 1.0]))
    with pytest.raises(InputError, match="different shapes") as caught:
        check_same_grid(image, read_label_grid(other))
    found, grid = read_label_map(followed(caught.value))
    assert check_same_grid(image, grid) is False
    assert set(np.unique(found)) <= {0, 4, 11}


def test_labels_take_the_nearest_voxel(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).choice([0, 4, 11, 70_000], (9, 8, 7)).astype(np.int32)
    source = save(tmp_path / "a.nii", labels, SHEARED)
    target = save(tmp_path / "t.nii", np.zeros((14, 15, 12), np.uint8), TARGET)
    found, _ = read_label_map(resample(source, tmp_path / "out.nii", like=target, labels=True))
    voxels = nib.affines.apply_affine(np.linalg.inv(SHEARED), world((14, 15, 12), TARGET))
    nearest = np.floor(voxels + 0.5).astype(int)
    valid = ((nearest >= 0) & (nearest < labels.shape)).all(axis=-1)
    expected = np.where(valid, labels[tuple(np.where(valid[..., None], nearest, 0).transpose(3, 0, 1, 2))], 0)
    assert np.issubdtype(found.dtype, np.integer)
    np.testing.assert_array_equal(found, expected)
    assert valid.sum() > 100


@pytest.mark.parametrize("shape", [(9, 8, 7), (9, 8, 1), (9, 8, 7, 2)])
def test_the_same_grid_changes_nothing_up_to_its_border(tmp_path: Path, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    turned = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.3, 0.2, 0.1) @ np.diag([1, 2, 3]), [1, 2, 3])
    source = save(tmp_path / "a.nii", array, turned)
    like = save(tmp_path / "t.nii", np.zeros(shape[:3], np.uint8), turned)
    out = resample(source, tmp_path / "out.nii", like=like, labels=False)
    np.testing.assert_allclose(nib.load(out).get_fdata(), array, atol=1e-4)


def test_refusals_leave_nothing(tmp_path: Path) -> None:
    source = save(tmp_path / "a.nii", np.ones((4, 5, 6), np.uint8), SHEARED)
    lost = tmp_path / "lost.nii"
    image = nib.Nifti1Image(np.ones((4, 5, 6), np.uint8), None)
    image.header["sform_code"] = image.header["qform_code"] = 0
    nib.save(image, lost)
    thin = np.array([[1, -1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1.0]])
    needle = save(tmp_path / "needle.nii", np.ones((900, 1, 1), np.uint8), thin)
    before = sorted(tmp_path.iterdir())
    for arguments, like, sentence in (
        ((source, source), None, "a.nii exists; resampling overwrites nothing; give another"),
        ((source, tmp_path / "b.mha"), None, "b.mha is no NIfTI file by its name"),
        ((lost, tmp_path / "b.nii"), None, "lost.nii does not say where its voxels lie"),
        ((source, tmp_path / "b.nii"), lost, "lost.nii does not say where its voxels lie; .* another --like"),
        ((needle, tmp_path / "b.nii"), None, "lies so askew that a straight grid around it has"),
        ((source, tmp_path / "b.nii"), tmp_path / "gone.nii", "gone.nii does not exist"),
    ):
        with pytest.raises(InputError, match=sentence):
            resample(*arguments, like=like, labels=False)
    assert sorted(tmp_path.iterdir()) == before


def test_a_grid_that_does_not_fit_into_memory_is_refused_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = save(tmp_path / "a.nii", np.ones((20, 22, 18), np.float32), SHEARED)
    like = save(tmp_path / "b.nii", np.zeros((140, 150, 120), np.uint8), TARGET)
    monkeypatch.setattr(machine, "available_memory", lambda: 20_000_000)
    with pytest.raises(InputError, match=r"a.nii takes 0.0202 GB more memory \(140 x 150 x 120 voxels"):
        resample(source, tmp_path / "out.nii", like=like, labels=False)
    assert not (tmp_path / "out.nii").exists()
    assert resample(source, tmp_path / "out.nii", like=like, labels=True).exists()
