"""One gate: what files are refused for, arrays and images of other libraries are refused for; and equal voxels."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 -- its own documentation calls it so
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monai.data.meta_tensor import MetaTensor
from monai.transforms import LoadImage

from medse.errors import InputError
from medse.volumes.entrance import open_channels, read_volume
from medse.volumes.writing import label_image
from tests.support.orders import ORDERS, matrix_of

SHAPE = (4, 5, 6)
PHANTOM = np.arange(120, dtype=np.float32).reshape(SHAPE)  # no symmetry: left is not right, up not down
AFFINE = np.array([[-1.5, 0, 0, 20], [0, 2, 0, -30], [0, 0, 3, 7], [0, 0, 0, 1.0]])
LPS = np.diag([-1.0, -1.0, 1.0])


def file(folder: Path, array: Any, affine: Any) -> Path:
    """A file whose sform says ``affine``, whatever that is; its spacings are those of the columns."""
    header = nib.Nifti1Header()
    header.set_data_shape(array.shape)
    header.set_data_dtype(array.dtype)
    header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
    header["sform_code"], header["vox_offset"], header["scl_slope"], header["magic"] = 1, 352, 1, b"n+1"
    for row, letter in enumerate("xyz"):
        header[f"srow_{letter}"] = affine[row]
    path = folder / "a.nii"
    path.write_bytes(header.binaryblock + bytes(4) + array.tobytes(order="F"))
    return path


def nibabel_image(_: Path, array: Any, affine: Any) -> Any:
    image = nib.Nifti1Image(array, AFFINE)
    image.affine[:] = affine  # as a notebook may do
    return image


def itk_image(_: Path, array: Any, affine: Any) -> Any:
    image = sitk.GetImageFromArray(np.asarray(array).T)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing([float(mm) for mm in spacing])
    image.SetDirection((LPS @ affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin((LPS @ affine[:3, 3]).tolist())
    return image


Make = Callable[[Path, Any, Any], Any]
PLACED: dict[str, Make] = {
    "file": file,
    "nibabel": nibabel_image,
    "SimpleITK": itk_image,
    "MetaTensor": lambda _, array, affine: MetaTensor(np.ascontiguousarray(array)[None], affine=affine),
}
BARE: dict[str, Make] = {
    "array": lambda _, array, affine: (array, affine),
    "tensor": lambda _, array, affine: (torch.from_numpy(np.ascontiguousarray(array))[None], affine),
}
ENTRANCES = PLACED | BARE


def read(made: Any, **options: Any) -> tuple[Any, Any]:
    return read_volume(*made, **options) if isinstance(made, tuple) else read_volume(made, **options)


@pytest.mark.parametrize("order", ORDERS[::5])
@pytest.mark.parametrize("name", ENTRANCES)
def test_every_entrance_gives_the_voxels_and_the_place_of_the_file(
    tmp_path: Path, name: str, order: Any
) -> None:
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = matrix_of(order, (1, 2, 3)), (5, -6, 7)
    expected, place = read_volume(file(tmp_path, PHANTOM, affine))
    array, grid = read(ENTRANCES[name](tmp_path, PHANTOM, affine))
    np.testing.assert_array_equal(array, expected)
    np.testing.assert_allclose(grid.affine, place.affine, atol=1e-6)
    np.testing.assert_array_equal(grid.to_canonical(array), place.to_canonical(expected))
    assert (grid.shape, grid.oriented, array.dtype) == (place.shape, True, np.float32)


def test_left_stays_left_through_simpleitk_itself(tmp_path: Path) -> None:
    marked = np.zeros(SHAPE, np.uint8)
    marked[0, 1, 2] = 9  # the first voxel of an axis that runs to the left: the patient's right
    path = file(tmp_path, marked, AFFINE)
    array, grid = read_volume(sitk.ReadImage(str(path)), labels=True)
    assert array[0, 1, 2] == 9
    np.testing.assert_allclose((grid.affine @ (0, 1, 2, 1))[:3], (20, -28, 13))
    np.testing.assert_array_equal(read_volume(nib.load(path), labels=True)[0], array)


def test_monai_loads_what_is_welcome_once_its_channels_are_first(tmp_path: Path) -> None:
    path = file(tmp_path, PHANTOM, AFFINE)
    array, grid = read_volume(LoadImage(ensure_channel_first=True)(path))
    np.testing.assert_array_equal(array, PHANTOM)
    np.testing.assert_allclose(grid.affine, AFFINE)
    with pytest.raises(InputError, match=r"shape \(4, 5, 6\).*channels first; give tensor\[None\]"):
        read_volume(LoadImage()(path))
    turned = LoadImage(ensure_channel_first=True)(path)
    turned.meta["space"] = "LPS"
    with pytest.raises(InputError, match="counts in the space LPS; RAS is expected"):
        read_volume(turned)


def changed(row: int, column: int, value: float) -> Any:
    affine = AFFINE.copy()
    affine[row, column] = value
    return affine


# What is wrong with an affine -> the affine, and the entrances that can say it at all.
BAD = {
    "sheared": (changed(0, 1, 0.5), ENTRANCES),
    "parallel axes": (AFFINE[:, [0, 0, 2, 3]] * (1, 1.0001, 1, 1), set(ENTRANCES) - {"SimpleITK"}),
    "fourth row": (changed(3, 0, 0.1), {"array", "tensor", "nibabel", "MetaTensor"}),
    "far away": (changed(1, 3, 1e9), ENTRANCES),
    "huge": (AFFINE @ np.diag([1, 9000, 1, 1]), ENTRANCES),
    "NaN": (changed(0, 3, np.nan), set(ENTRANCES) - {"SimpleITK"}),
    "infinite": (changed(2, 2, np.inf), set(ENTRANCES) - {"SimpleITK"}),
    "zero column": (changed(2, 2, 0), set(ENTRANCES) - {"SimpleITK"}),
}


@pytest.mark.parametrize(
    ("wrong", "name"), [(w, n) for w, (_, names) in BAD.items() for n in ENTRANCES if n in names]
)
def test_a_bad_affine_is_refused_at_every_entrance(tmp_path: Path, wrong: str, name: str) -> None:
    with pytest.raises(InputError, match=r";.*\.$") as caught, np.errstate(all="ignore"):
        read(ENTRANCES[name](tmp_path, PHANTOM, BAD[wrong][0]))
    assert "run medse" not in str(caught.value) or name == "file"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    entries=st.lists(st.floats(-4, 4, width=32), min_size=9, max_size=9),
    far=st.sampled_from([0.0, 100.0, 9_000.0, 1e6]),
    straight=st.booleans(),
)
def test_the_verdict_is_the_same_at_every_entrance(
    tmp_path: Path, entries: list[float], far: float, straight: bool
) -> None:
    matrix = np.reshape(entries, (3, 3))
    if straight:  # otherwise nearly all are sheared
        matrix = np.linalg.qr(matrix + 10 * np.eye(3))[0] * np.maximum(np.abs(entries[:3]), 0.01)
    affine = nib.affines.from_matvec(matrix, [far, 0, 0])

    found = {}
    with np.errstate(all="ignore"):
        for name, make in ENTRANCES.items():
            try:
                made = make(tmp_path, PHANTOM, affine)
            except RuntimeError:  # ITK makes no image without a spacing or with axes that are parallel
                assert name == "SimpleITK"
                continue
            try:
                read(made)
                found[name] = "taken"
            except InputError:
                found[name] = "refused"
    assert len(set(found.values())) == 1, found


@pytest.mark.parametrize("name", ENTRANCES)
def test_a_trailing_axis_of_length_one_stays_as_in_files(tmp_path: Path, name: str) -> None:
    if name in ("MetaTensor", "tensor"):
        pytest.skip("tensors have their channels first")
    if name == "SimpleITK":
        made: Any = sitk.ReadImage(str(file(tmp_path, PHANTOM[..., None], AFFINE)))
    else:
        made = ENTRANCES[name](tmp_path, PHANTOM[..., None], AFFINE)
    array, grid = read(made)
    np.testing.assert_array_equal(array, PHANTOM)
    result = label_image(np.ones(grid.spatial_shape, np.uint8), grid)
    assert result.shape[:3] == SHAPE
    assert result.shape == ((*SHAPE, 1) if name != "SimpleITK" else grid.shape)
    np.testing.assert_allclose(result.affine, AFFINE, atol=1e-6)


@pytest.mark.parametrize(
    "array",
    [
        PHANTOM.astype(">f4"),
        PHANTOM.astype(np.float16),
        PHANTOM.astype("<i8"),
        np.asfortranarray(PHANTOM),
        np.repeat(PHANTOM, 2, axis=1)[:, ::2],
        PHANTOM[::-1, ::-1, ::-1][::-1, ::-1, ::-1],
        np.ascontiguousarray(PHANTOM.transpose(2, 0, 1)).transpose(1, 2, 0),
        np.ma.masked_less(PHANTOM, -1),
        np.asmatrix(PHANTOM.reshape(4, 30)).A.reshape(SHAPE),
    ],
)
def test_arrays_of_every_layout_and_type_have_the_same_voxels(array: Any) -> None:
    np.testing.assert_array_equal(read_volume(array, AFFINE)[0], PHANTOM)


def test_a_broadcast_and_a_reversed_array_keep_their_voxels() -> None:
    for array in (np.broadcast_to(PHANTOM[:, :, :1], SHAPE), PHANTOM[::-1], PHANTOM[:, ::-1].T):
        np.testing.assert_array_equal(read_volume(array, AFFINE)[0], array)
        labels, _ = read_volume(array.astype(np.float64), AFFINE, labels=True)
        np.testing.assert_array_equal(labels, array)


def test_channels_are_last_in_arrays_and_first_in_tensors() -> None:
    both = np.stack([PHANTOM, -PHANTOM], axis=-1)
    expected, grid = read_volume(both, AFFINE)
    np.testing.assert_array_equal(expected, both)
    for tensor in (
        torch.from_numpy(both).permute(3, 0, 1, 2),
        MetaTensor(np.moveaxis(both, 3, 0), affine=AFFINE),
    ):
        affine = None if isinstance(tensor, MetaTensor) else torch.from_numpy(AFFINE)
        array, other = read_volume(tensor.to(torch.float64).requires_grad_(), affine)
        np.testing.assert_array_equal(array, both)
        assert (other.shape, grid.shape) == (SHAPE, (*SHAPE,))
    half = torch.from_numpy(PHANTOM)[None].to(torch.bfloat16)
    np.testing.assert_array_equal(read_volume(half, AFFINE)[0], half[0].float())


@pytest.mark.parametrize(
    ("given", "affine", "said"),
    [
        (PHANTOM, None, "without its affine"),
        (PHANTOM * 1j, AFFINE, "holds complex numbers; .*np.abs"),
        (PHANTOM > 3, AFFINE, "a mask and no intensities"),
        (PHANTOM.astype(np.float64) * 1e300, AFFINE, "holds 119 NaN or infinite voxels of 120"),
        (PHANTOM * np.nan, AFFINE, "120 NaN or infinite"),
        (PHANTOM.astype(object), AFFINE, "holds object"),
        (PHANTOM.astype(str), AFFINE, "holds <U"),
        (PHANTOM.astype("M8[s]"), AFFINE, "holds datetime64"),
        (np.ma.masked_less(PHANTOM, 5), AFFINE, "masked voxels.*filled"),
        (PHANTOM[:0], AFFINE, r"shape \(0, 5, 6\)"),
        (PHANTOM[0, 0], AFFINE, r"shape \(6,\)"),
        (np.float32(3), AFFINE, "given as a float32"),
        (PHANTOM, AFFINE[:3], "4x4 matrix of numbers"),
        (PHANTOM, "eye", "4x4 matrix of numbers"),
        (PHANTOM, AFFINE * 1j, "4x4 matrix of numbers"),
        (PHANTOM, [[1, 2], [3]], "4x4 matrix of numbers"),
        (None, None, "given as None; a path, a nibabel"),
        (3, None, "given as a int"),
        (b"a.nii", None, "given as a bytes"),
        ({}, None, "given as a dict"),
        ("", None, "empty text"),
        ("gone.nii", None, "gone.nii does not exist"),
        (torch.zeros(SHAPE), AFFINE, r"channels first; give tensor\[None\]"),
        (torch.zeros(1, 1, *SHAPE), AFFINE, r"tensor\[0\] of a batch"),
        (torch.zeros(1, *SHAPE), None, "<tensor> was given without its affine"),
        (torch.zeros(0, *SHAPE), AFFINE, "shape"),
        (torch.zeros(1, *SHAPE, device="meta"), AFFINE, "no voxels that NumPy can read"),
        (torch.zeros(1, *SHAPE).to_sparse(), AFFINE, "no voxels that NumPy can read"),
        (
            MetaTensor(PHANTOM[None], affine=AFFINE),
            AFFINE,
            "affine was given with <MetaTensor>, which has its own",
        ),
        (nib.Nifti1Image(PHANTOM, AFFINE), AFFINE, "with <nibabel image>, which has its own"),
        (itk_image(Path(), PHANTOM, AFFINE), AFFINE, "with <SimpleITK image>, which has its own"),
        (nib.AnalyzeImage(PHANTOM, AFFINE), None, "Analyze 7.5, which does not say which way left is"),
        (nib.Nifti1Image(PHANTOM.astype(np.complex64), AFFINE), None, "holds complex"),
        (nib.GiftiImage(), None, "given as a GiftiImage"),
        (sitk.GetImageFromArray(PHANTOM[0]), None, "2 axes and does not say which way up"),
        (sitk.Image(4, 5, 6, sitk.sitkComplexFloat32), None, "holds complex"),
        (sitk.Image(), None, "axes"),
    ],
)
def test_what_is_no_volume_is_said_in_a_sentence(given: Any, affine: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_volume(given, affine)
    assert re.fullmatch(r".*;.*\.", str(caught.value))


def test_an_empty_list_and_lists_of_volumes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="list of a scan's channels is empty"):
        open_channels([])
    with pytest.raises(InputError, match="given as a list"):
        open_channels([[1, 2]])
    several = open_channels([file(tmp_path, PHANTOM, AFFINE), nib.Nifti1Image(PHANTOM, AFFINE)])
    assert [opened.shape for opened in several] == [SHAPE, SHAPE]


def test_a_damaged_file_behind_a_nibabel_image_is_named(tmp_path: Path) -> None:
    path = file(tmp_path, PHANTOM, AFFINE)
    image = nib.load(path)
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(InputError, match=r"a\.nii> cannot be read to its end"):
        read_volume(image)


def test_masks_in_memory_are_label_maps() -> None:
    labels, _ = read_volume(PHANTOM > 50, AFFINE, labels=True)
    np.testing.assert_array_equal(labels, PHANTOM > 50)
    assert labels.dtype == np.uint8


def test_a_nibabel_image_that_does_not_say_where_left_is_says_so() -> None:
    image = nib.Nifti1Image(PHANTOM, None)
    assert read_volume(image)[1].oriented is False
    lost = nib.MGHImage(PHANTOM, AFFINE)
    assert read_volume(lost)[1].oriented is True
    lost.header["goodRASFlag"] = 0
    assert read_volume(lost)[1].oriented is False
