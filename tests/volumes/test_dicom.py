"""DICOM slices: numbers and places are those that ITK gives, and what is no single slice is refused."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from medse.errors import InputError
from medse.volumes.names import IMAGES, case_id, suffix_of
from medse.volumes.reading import IMAGE_OPENERS, channels_of, grid_of, images_of, open_volume

VALUES = np.arange(20 * 30, dtype=np.int16).reshape(20, 30) - 50


def write(path: Path, values: np.ndarray = VALUES, *, vector: bool = False, **tags: str) -> Path:
    image = sitk.GetImageFromArray(values, isVector=vector)
    for tag, value in tags.items():
        image.SetMetaData(tag.replace("t", "").replace("_", "|"), value)
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(path))
    writer.Execute(image)
    return path


def read(path: Path) -> tuple[np.ndarray, np.ndarray, bool]:
    opened = open_volume(path, IMAGE_OPENERS)
    grid = grid_of(opened, channels_of(opened))
    return images_of([opened], grid), grid.affine, grid.oriented


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_picture_without_a_place(tmp_path: Path) -> None:
    image, affine, oriented = read(write(tmp_path / "a.dcm", t0028_1053="2", t0028_1052="-50"))
    np.testing.assert_array_equal(image[0, :, :, 0], VALUES.T // 2 * 2)  # rescaled: stored numbers are halves
    np.testing.assert_array_equal(affine, np.diag([1, -1, 1, 1]))
    assert not oriented


def test_pixels_may_be_longer_than_wide(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(VALUES)
    image.SetSpacing((0.5, 0.7))
    path = tmp_path / "a.dcm"
    sitk.WriteImage(image, str(path))
    data = path.read_bytes()
    assert data.count(b"\x20\0\x37\0") == 1  # the orientation; ITK writes one where there is none
    path.write_bytes(data.replace(b"\x20\0\x37\0", b"\x20\0\x35\0"))
    _, affine, oriented = read(tmp_path / "a.dcm")
    np.testing.assert_allclose(affine, np.diag([0.5, -0.7, 1, 1]))
    assert not oriented


def test_a_slice_lies_where_its_header_says(tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(VALUES[None])
    image.SetSpacing((0.5, 0.7, 3))
    image.SetDirection((0, 0, -1, 1, 0, 0, 0, -1, 0))  # sagittal: columns run to the back, rows down
    image.SetOrigin((10, 20, 30))
    writer = sitk.ImageFileWriter()
    for tag, value in {
        "0008|0060": "MR",
        "0020|0032": "10\\20\\30",
        "0020|0037": "0\\1\\0\\0\\0\\-1",
    }.items():
        image.SetMetaData(tag, value)
    writer.SetFileName(str(tmp_path / "a.dcm"))
    writer.Execute(image)
    values, affine, oriented = read(tmp_path / "a.dcm")
    np.testing.assert_array_equal(values[0, :, :, 0], VALUES.T)
    assert oriented
    np.testing.assert_allclose(affine[:3, 0], [0, -0.5, 0], atol=1e-9)  # in RAS: to the back
    np.testing.assert_allclose(affine[:3, 1], [0, 0, -0.7], atol=1e-9)
    np.testing.assert_allclose(affine[:3, 3], [-10, -20, 30])


def test_white_that_is_small_is_turned_round(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    data = path.read_bytes()
    assert data.count(b"MONOCHROME2") == 1
    (tmp_path / "b.dcm").write_bytes(data.replace(b"MONOCHROME2", b"MONOCHROME1"))
    image, *_ = read(tmp_path / "b.dcm")
    np.testing.assert_array_equal(image[0, :, :, 0], -550 + (VALUES.max() - VALUES.T))


def test_colours(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (20, 30, 3)).astype(np.uint8)
    image, *_ = read(write(tmp_path / "a.dcm", values, vector=True))
    np.testing.assert_array_equal(image[..., 0], values.transpose(2, 1, 0))


def test_refusals(tmp_path: Path) -> None:
    assert "holds 2 frames" in refusal(
        write(tmp_path / "two.dcm", np.stack([VALUES, VALUES]), t0008_0060="MR")
    )
    data = write(tmp_path / "a.dcm").read_bytes()
    (tmp_path / "half.dcm").write_bytes(data[: len(data) // 2])
    assert "cannot be read as DICOM" in refusal(tmp_path / "half.dcm")
    (tmp_path / "palette.dcm").write_bytes(data.replace(b"MONOCHROME2 ", b"CMYK        "))
    assert "interpretation CMYK" in refusal(tmp_path / "palette.dcm")


def test_a_slice_is_no_volume_to_segment(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    assert suffix_of(path) == ""
    assert case_id(path, IMAGES) == "a"
    with pytest.raises(InputError, match="no known ending"):
        open_volume(path)
