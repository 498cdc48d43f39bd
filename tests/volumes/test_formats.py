"""Every format gives the voxels and the place that an independent reader finds, and labels go back to it."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from PIL import Image

from medse.errors import InputError
from medse.volumes.grid import check_same_grid
from medse.volumes.names import case_id, list_volumes
from medse.volumes.reading import read_grid, read_image, read_label_map
from medse.volumes.writing import prediction_name, write_label_map

SHAPE = (6, 5, 4)
TURN = nib.eulerangles.euler2mat(0.2, -0.3, 0.4) @ np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]])
OBLIQUE = nib.affines.from_matvec(TURN @ np.diag([0.8, 1.5, 3.0]), [-7, 20, 3.5])


def numbers(shape: tuple[int, ...] = SHAPE, dtype: str = "i2") -> np.ndarray[Any, Any]:
    return np.random.default_rng(1).integers(0, 120, shape).astype(dtype)


def by_itk(path: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Voxels as ``(X, Y, Z[, C])`` and the RAS affine, as SimpleITK reads them."""
    image = sitk.ReadImage(str(path))
    axes = image.GetDimension()
    array = sitk.GetArrayFromImage(image)
    affine = np.eye(4)
    direction = np.reshape(image.GetDirection(), (axes, axes))
    affine[:axes, :axes] = direction * image.GetSpacing()
    affine[:axes, 3] = image.GetOrigin()
    return array.transpose(*reversed(range(axes)), *range(axes, array.ndim)), np.diag([-1, -1, 1, 1]) @ affine


def itk_image(array: np.ndarray[Any, Any], *, vector: bool = False) -> sitk.Image:
    axes = array.ndim - vector
    image = sitk.GetImageFromArray(
        array.transpose(*reversed(range(axes)), *range(axes, array.ndim)), isVector=vector
    )
    if axes == 3:
        lps = np.diag([-1, -1, 1, 1]) @ OBLIQUE
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        image.SetSpacing(spacing.tolist())
        image.SetOrigin(lps[:3, 3].tolist())
        image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    else:
        image.SetSpacing((0.5, 2.0))
    return image


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"])
@pytest.mark.parametrize(
    ("kind", "suffix"),
    [("Nifti1Image", ".nii"), ("Nifti1Image", ".NII.GZ"), ("Nifti2Image", ".nii.gz"), ("Nifti1Pair", ".hdr")],
)
def test_nifti(tmp_path: Path, kind: str, suffix: str, dtype: str, order: str) -> None:
    image_class = getattr(nib, kind)
    header = image_class.header_class(endianness=order)
    header.set_data_dtype(np.dtype(dtype).newbyteorder(order))
    array = numbers(dtype=dtype)
    path = tmp_path / f"a b ü{suffix.lower()}"
    nib.save(image_class(array, OBLIQUE, header), path)
    path = path.rename(tmp_path / f"a b ü{suffix}")
    values, grid = read_image(path)
    np.testing.assert_array_equal(values[0], array)
    assert values.dtype == np.float32
    np.testing.assert_allclose(grid.affine, OBLIQUE, atol=1e-5)
    assert case_id(path) == "a b ü"
    labels, _ = read_label_map(path)
    np.testing.assert_array_equal(labels, array)
    assert labels.dtype.isnative
    assert np.issubdtype(labels.dtype, np.integer)
    write_label_map(tmp_path / "out.nii.gz", labels.astype(np.uint8), grid)
    written = nib.load(tmp_path / "out.nii.gz")
    second = kind == "Nifti2Image"
    assert type(written) is (nib.Nifti2Image if second else nib.Nifti1Image)
    found, affine = (written.get_fdata(), written.affine) if second else by_itk(tmp_path / "out.nii.gz")
    np.testing.assert_array_equal(found, array)
    np.testing.assert_allclose(affine, OBLIQUE, atol=1e-5)


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd", ".nhdr"])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_itk_formats(tmp_path: Path, suffix: str, compress: bool, channels: int) -> None:
    array = numbers(SHAPE if channels == 1 else (*SHAPE, channels), "f4")
    path = tmp_path / f"é x{suffix}"
    sitk.WriteImage(itk_image(array, vector=channels > 1), str(path), useCompression=compress)
    sitk.WriteImage(itk_image(numbers()), str(tmp_path / "same.nii"))
    values, grid = read_image(path, channels)
    np.testing.assert_array_equal(np.moveaxis(values, 0, -1), array.reshape(*SHAPE, channels))
    assert grid.oriented
    np.testing.assert_allclose(grid.affine, nib.load(tmp_path / "same.nii").affine, atol=1e-5)
    assert list(list_volumes(tmp_path)) == ["same", "é x"]
    write_label_map(tmp_path / "out.nii.gz", numbers(), grid)
    check_same_grid(grid, read_grid(tmp_path / "out.nii.gz"))
    header = nib.load(tmp_path / "out.nii.gz").header
    assert (int(header["qform_code"]), int(header["sform_code"]), int(header["xyzt_units"])) == (1, 1, 2)


@pytest.mark.parametrize("suffix", [".mgh", ".mgz"])
@pytest.mark.parametrize("channels", [1, 2])
def test_mgh(tmp_path: Path, suffix: str, channels: int) -> None:
    array = numbers(SHAPE if channels == 1 else (*SHAPE, channels), "f4")
    path = tmp_path / f"a{suffix}"
    nib.save(nib.MGHImage(array, OBLIQUE), path)
    values, grid = read_image(path, channels)
    np.testing.assert_array_equal(np.moveaxis(values, 0, -1), array.reshape(*SHAPE, channels))
    np.testing.assert_array_equal(grid.affine, nib.load(path).affine)
    write_label_map(tmp_path / "out.nii.gz", numbers(), grid)
    check_same_grid(grid, read_grid(tmp_path / "out.nii.gz"))


def test_scaled_integers_are_read_in_blocks_as_nibabel_reads_them(tmp_path: Path) -> None:
    header = nib.Nifti1Header()
    header.set_data_dtype("i2")
    header.set_slope_inter(0.0754, 3100.76)
    shape = (70, 60, 40)  # more than one block
    nib.save(nib.Nifti1Image(numbers(shape, "f4"), np.eye(4), header), tmp_path / "a.nii.gz")
    values, _ = read_image(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(values[0], nib.load(tmp_path / "a.nii.gz").get_fdata().astype(np.float32))


@pytest.mark.parametrize("tail", [(), (1,), (1, 1), (1, 1, 1, 1)])
def test_trailing_axes_and_planes_come_back_as_they_were(tmp_path: Path, tail: tuple[int, ...]) -> None:
    for shape in [(*SHAPE, *tail)] + ([(6, 5)] if not tail else []):
        array = numbers(shape, "u1")
        nib.save(nib.Nifti1Image(array, OBLIQUE), tmp_path / "a.nii.gz")
        for read in (read_image, read_label_map):
            values, grid = read(tmp_path / "a.nii.gz")
            assert grid.shape == shape
            assert values.shape[-3:] == (*shape, 1)[:3]
        write_label_map(tmp_path / "b.nii.gz", values, grid)
        before, after = (nib.load(tmp_path / name) for name in ("a.nii.gz", "b.nii.gz"))
        assert after.shape == before.shape
        np.testing.assert_array_equal(np.asarray(after.dataobj), array)
        np.testing.assert_array_equal(after.affine, before.affine)


def test_vectors_as_itk_writes_them_to_nifti(tmp_path: Path) -> None:
    array = numbers((*SHAPE, 3), "f4")
    sitk.WriteImage(itk_image(array, vector=True), str(tmp_path / "a.nii.gz"))
    values, grid = read_image(tmp_path / "a.nii.gz", 3)
    assert nib.load(tmp_path / "a.nii.gz").shape == (*SHAPE, 1, 3)
    np.testing.assert_array_equal(np.moveaxis(values, 0, -1), array)
    assert grid.shape == (*SHAPE, 1)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii"])
def test_a_2d_file_of_itk(tmp_path: Path, suffix: str) -> None:
    array = numbers((6, 5), "u2")
    sitk.WriteImage(itk_image(array), str(tmp_path / f"a{suffix}"))
    labels, grid = read_label_map(tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(labels, array[..., None])
    assert (grid.shape, grid.spatial_shape) == ((6, 5), (6, 5, 1))
    assert grid.spacing_mm == pytest.approx((0.5, 2, 1))
    assert grid.oriented == (suffix == ".nii")
    name = prediction_name("a", grid)
    write_label_map(tmp_path / f"out-{name}", labels, grid)
    check_same_grid(grid, read_grid(tmp_path / f"out-{name}"))
    np.testing.assert_array_equal(by_itk(tmp_path / f"out-{name}")[0], array)


def test_an_empty_third_axis_of_a_2d_file_becomes_a_unit_one(tmp_path: Path) -> None:
    image = nib.Nifti1Image(numbers((6, 5), "u1"), np.diag([-2.0, 3, 1, 1]))
    for row in "xyz":
        image.header[f"srow_{row}"][2] = 0
    image.header["sform_code"], image.header["qform_code"], image.header["pixdim"][3] = 2, 0, 0
    raw = bytearray(image.to_bytes())
    raw[76 + 12 : 76 + 16] = bytes(4)
    for row in range(3):
        raw[280 + 16 * row + 8 : 280 + 16 * row + 12] = bytes(4)
    (tmp_path / "a.nii").write_bytes(raw)
    np.testing.assert_array_equal(read_grid(tmp_path / "a.nii").affine, np.diag([-2.0, 3, 1, 1]))


@pytest.mark.parametrize(("unit", "factor"), [(0, 1), (1, 1000), (2, 1), (3, 1e-3), (2 + 8, 1)])
def test_units_become_mm_and_the_label_map_keeps_those_of_the_file(
    tmp_path: Path, unit: int, factor: float
) -> None:
    image = nib.Nifti1Image(numbers(dtype="u1"), OBLIQUE)
    image.header["xyzt_units"] = unit
    nib.save(image, tmp_path / "a.nii")
    grid = read_grid(tmp_path / "a.nii") if factor <= 1 else None
    if grid is None:
        with pytest.raises(InputError, match="field of view|an origin"):
            read_grid(tmp_path / "a.nii")
        return
    np.testing.assert_allclose(grid.affine[:3], OBLIQUE[:3] * factor, rtol=1e-5)
    write_label_map(tmp_path / "b.nii", numbers(), grid)
    assert nib.load(tmp_path / "b.nii").header["xyzt_units"] == unit
    check_same_grid(grid, read_grid(tmp_path / "b.nii"))


def test_files_that_do_not_say_where_left_is(tmp_path: Path) -> None:
    nib.save(nib.Nifti1Image(numbers(dtype="u1"), None), tmp_path / "a.nii")
    image = nib.load(tmp_path / "a.nii")
    image.header["qform_code"] = image.header["sform_code"] = 0
    image.header["pixdim"][1:4] = 2, 3, 4
    (tmp_path / "b.nii").write_bytes(nib.Nifti1Image(numbers(dtype="u1"), None, image.header).to_bytes())
    grid = read_grid(tmp_path / "b.nii")
    assert not grid.oriented
    np.testing.assert_array_equal(grid.affine, np.diag([2.0, 3, 4, 1]))
    write_label_map(tmp_path / "c.nii", numbers(), grid)
    assert not read_grid(tmp_path / "c.nii").oriented
    check_same_grid(grid, read_grid(tmp_path / "c.nii"))
    sitk.WriteImage(itk_image(numbers()), str(tmp_path / "d.nrrd"))
    raw = (tmp_path / "d.nrrd").read_bytes()
    (tmp_path / "d.nrrd").write_bytes(raw.replace(b"left-posterior-superior", b"scanner-xyz"))
    with pytest.raises(InputError, match="does not say in which space"):
        read_grid(tmp_path / "d.nrrd")


def test_nothing_of_the_scan_leaks_into_its_label_map(tmp_path: Path) -> None:
    image = nib.Nifti1Image(numbers(), OBLIQUE)
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"name of the patient"))
    for key, value in {"descrip": b"secret", "aux_file": b"t1", "cal_max": 9, "intent_code": 1007}.items():
        image.header[key] = value
    image.header.set_slope_inter(2, 1)
    nib.save(image, tmp_path / "a.nii")
    _, grid = read_image(tmp_path / "a.nii")
    write_label_map(tmp_path / "b.nii", numbers(), grid)
    written = nib.load(tmp_path / "b.nii")
    assert not written.header.extensions
    assert not any(written.header[key].item() for key in ("descrip", "aux_file", "cal_max", "intent_code"))
    np.testing.assert_array_equal(written.get_fdata(), numbers())


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG"])
def test_pictures(tmp_path: Path, suffix: str) -> None:
    for mode, shape in (("L", (5, 6)), ("RGB", (5, 6, 3))):
        path = tmp_path / f"{mode}{suffix}"
        Image.fromarray(numbers(shape, "u1")).save(path, **({} if suffix == ".png" else {"subsampling": 0}))
        channels = len(shape) * 2 - 3
        values, grid = read_image(path, channels)
        expected = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).reshape(5, 6, channels)
        np.testing.assert_allclose(
            values[..., 0].transpose(2, 1, 0), expected, atol=0 if "p" in suffix else 2
        )
        assert (grid.shape, grid.oriented, prediction_name("a", grid)) == ((6, 5), False, "a.png")
        np.testing.assert_array_equal(grid.affine, np.diag([1, -1, 1, 1]))


@pytest.mark.parametrize("highest", [255, 65535])
def test_masks_are_written_upright_as_pictures(tmp_path: Path, highest: int) -> None:
    Image.fromarray(numbers((5, 6), "u1")).save(tmp_path / "scan.png")
    _, grid = read_image(tmp_path / "scan.png")
    labels = numbers((6, 5, 1)).astype(np.int64)
    labels[0, 1] = highest
    write_label_map(tmp_path / "mask.png", labels, grid)
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "mask.png")), labels[:, :, 0].T)
    found, same = read_label_map(tmp_path / "mask.png")
    np.testing.assert_array_equal(found, labels)
    check_same_grid(grid, same)
    for wrong in (-1, 65536):
        labels[0, 0] = wrong
        with pytest.raises(InputError, match="a PNG holds 2-D ones from 0 to 65535"):
            write_label_map(tmp_path / "new.png", labels, grid)
    assert not (tmp_path / "new.png").exists()


def test_masks_of_few_bits_and_of_palettes_hold_their_stored_numbers(tmp_path: Path) -> None:
    labels = numbers((5, 6), "u1") % 4
    palette = Image.fromarray(labels, mode="P")
    palette.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200, 9, 9, 9])
    palette.save(tmp_path / "palette.png", bits=2)
    palette.save(tmp_path / "transparent.png", transparency=0)
    Image.fromarray(labels == 1).save(tmp_path / "bits.png")
    raw = bytearray((tmp_path / "palette.png").read_bytes())
    for name, expected in (("palette", labels), ("transparent", labels), ("bits", labels == 1)):
        found, _ = read_label_map(tmp_path / f"{name}.png")
        np.testing.assert_array_equal(found[..., 0].T, expected)
    assert raw[24] == 2  # bits per index
    with pytest.raises(InputError, match="its colours are stored in a palette; save it as grey or RGB"):
        read_image(tmp_path / "palette.png")
