"""Two label maps on one grid: formats, geometry, values; against arrays made by hand."""

import nibabel as nib
import numpy as np
import pytest
import SimpleITK
from PIL import Image

from medse.errors import InputError
from medse.evaluate.case_maps import class_indices, read_case
from medse.evaluate.cases import CaseFiles
from medse.labels import Labels

AFFINE = np.array([[-1.0, 0, 0, 10], [0, 2.0, 0, -20], [0, 0, 3.0, 5], [0, 0, 0, 1]])
SHAPE = (9, 8, 7)
ARRAY = np.random.default_rng(0).choice([0, 0, 1, 4, 200], SHAPE)


def nifti(path, array, affine=AFFINE, dtype=np.uint8, code=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(np.asarray(array).astype(dtype), affine, dtype=dtype)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    nib.save(image, path)
    return path


def read(reference, prediction, labels=None, *, copy_affine=False, resample=False):
    files = CaseFiles("s", reference, prediction)
    return read_case(files, labels, copy_affine=copy_affine, resample=resample, mask_names=None)


def itk(path):
    image = SimpleITK.GetImageFromArray(ARRAY.T.astype(np.uint8))
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetDirection((1, 0, 0, 0, -1, 0, 0, 0, 1))  # LPS
    image.SetOrigin((-10.0, 20.0, 5.0))
    SimpleITK.WriteImage(image, str(path))
    return path


def mgh(path):
    nib.save(nib.MGHImage(ARRAY.astype(np.int32), AFFINE), path)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("p.nii", lambda path: nifti(path, ARRAY, dtype=np.float64)),
        ("p ü.nii.gz", lambda path: nifti(path, ARRAY[..., None], dtype=np.int16)),
        ("p.nrrd", itk),
        ("p.mha", itk),
        ("p.mgz", mgh),
    ],
)
def test_formats_meet(tmp_path, name, write):
    maps = read(nifti(tmp_path / "r r.nii.gz", ARRAY), write(tmp_path / name))
    np.testing.assert_array_equal(maps.reference, ARRAY)
    np.testing.assert_array_equal(maps.prediction, ARRAY)
    assert maps.members == {"1": {1}, "4": {4}, "200": {200}}
    assert maps.grid.spacing_mm == (1, 2, 3)
    assert (maps.picture, maps.geometry_fixed, maps.resampled, maps.missing) == (False,) * 4


@pytest.mark.parametrize("palette", [True, False])
def test_pictures(tmp_path, palette):
    pixels = np.zeros((5, 8), np.uint8)
    pixels[1, 2:6] = 255
    picture = Image.fromarray(pixels)
    if palette:
        picture.putpalette([k for k in range(256) for _ in range(3)])
    picture.save(tmp_path / "r.png")
    Image.fromarray(pixels // 255 * 3).save(tmp_path / "p.png")
    maps = read(tmp_path / "r.png", tmp_path / "p.png")
    assert maps.picture
    assert maps.reference.shape == (8, 5, 1)
    np.testing.assert_array_equal(maps.reference[..., 0], pixels.T)
    assert maps.members == {"3": {3}, "255": {255}}
    Image.fromarray(pixels[:4]).save(tmp_path / "p.png")
    with pytest.raises(InputError, match=r"p\.png .* does not say where its voxels lie"):
        read(tmp_path / "r.png", tmp_path / "p.png", resample=True)


def test_a_missing_prediction_is_empty(tmp_path):
    maps = read(nifti(tmp_path / "r.nii", ARRAY), None)
    assert maps.missing
    assert maps.prediction.shape == SHAPE
    assert not maps.prediction.any()
    assert set(maps.members) == {"1", "4", "200"}


LABELS = Labels.from_mapping(
    {"background": [0, 9], "b": [5, 2], "a": 1, "c": 40, "ignore": [255, 254]}, "test"
)


def test_members_of_named_classes(tmp_path):
    array = np.random.default_rng(1).choice([0, 1, 2, 5, 9], SHAPE)
    maps = read(nifti(tmp_path / "r.nii", array), nifti(tmp_path / "p.nii", array), LABELS)
    assert list(maps.members.items()) == [("a", {1}), ("b", {2, 5}), ("c", {40})]
    np.testing.assert_array_equal(maps.reference, array)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_ignored_voxels_are_nowhere(tmp_path, dtype):
    random = np.random.default_rng(1)
    truth, guess = random.choice([0, 1, 2, 5, 9], (2, *SHAPE))
    ignored = random.random(SHAPE) < 0.3
    given = np.where(ignored, random.choice([254, 255], SHAPE), truth)
    partly = np.where(ignored & (random.random(SHAPE) < 0.5), 255, guess)
    paths = nifti(tmp_path / "r.nii", given, dtype=dtype), nifti(tmp_path / "p.nii", partly, dtype=dtype)
    maps = read(*paths, LABELS)
    np.testing.assert_array_equal(maps.reference, np.where(ignored, 0, truth))
    np.testing.assert_array_equal(maps.prediction, np.where(ignored, 0, guess))
    partly.flat[np.flatnonzero(~ignored)[:3]] = 254
    nifti(paths[1], partly, dtype=dtype)
    with pytest.raises(InputError, match=r"p\.nii holds ignored values \(254, 255\) in 3 voxels"):
        read(*paths, LABELS)


@pytest.mark.parametrize("side", ["r", "p"])
@pytest.mark.parametrize(("value", "dtype"), [(3, np.uint8), (-3, np.int16), (2**40, np.int64)])
def test_undeclared_values_are_counted(tmp_path, side, value, dtype):
    for name in "rp":
        nifti(tmp_path / f"{name}.nii", np.ones(SHAPE), dtype=dtype)
    array = np.ones(SHAPE, dtype)
    array[2:4] = value
    nifti(tmp_path / f"{side}.nii", array, dtype=dtype)
    with pytest.raises(InputError, match=rf"{side}\.nii .* undeclared .*: {value} \(112 voxels\)"):
        read(tmp_path / "r.nii", tmp_path / "p.nii", LABELS)


def test_images_are_no_label_maps(tmp_path):
    many = np.arange(10 * 10 * 11).reshape(10, 10, 11) % 1001
    reference = nifti(tmp_path / "r.nii", many % 1000, dtype=np.int16)
    assert len(read(reference, reference).members) == 999
    with pytest.raises(InputError, match=r"p\.nii holds 1001 different values .* --labels"):
        read(reference, nifti(tmp_path / "p.nii", many, dtype=np.int16))
    with pytest.raises(InputError, match=r"p\.nii holds 2 different values from -5 to 1; .* none below 0; "):
        read(reference, nifti(tmp_path / "p.nii", np.where(many == 1, -5, 1), dtype=np.int16))


# axes of the prediction, each the reference's axis and whether it runs the other way
TURNS = [((0, 1, 2), (1, 0, 0)), ((1, 0, 2), (0, 0, 0)), ((2, 0, 1), (0, 1, 1)), ((2, 1, 0), (1, 1, 1))]


@pytest.mark.parametrize(("axes", "flips"), TURNS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int32])
def test_a_turned_prediction_comes_back_voxel_by_voxel(tmp_path, axes, flips, dtype):
    voxels = np.zeros((4, 4))
    voxels[3, 3] = 1
    turned = ARRAY.transpose(axes)
    for k, (axis, flip) in enumerate(zip(axes, flips, strict=True)):
        voxels[axis, k] = -1 if flip else 1
        voxels[axis, 3] = SHAPE[axis] - 1 if flip else 0
        turned = np.flip(turned, k) if flip else turned
    oblique = nib.affines.from_matvec(nib.eulerangles.euler2mat(0.3, -0.2, 0.1)) @ AFFINE
    reference = nifti(tmp_path / "r.nii", ARRAY, oblique)
    prediction = nifti(tmp_path / "p p.nii.gz", turned, oblique @ voxels, dtype)
    with pytest.raises(InputError, match=r"different (shapes|affines).*resample '.*p p\.nii\.gz'"):
        read(reference, prediction)
    maps = read(reference, prediction, resample=True)
    assert (maps.resampled, maps.geometry_fixed) == (True, False)
    assert maps.prediction.dtype == dtype
    np.testing.assert_array_equal(maps.prediction, ARRAY)
    np.testing.assert_array_equal(maps.reference, ARRAY)


def test_a_shifted_and_coarser_prediction_takes_the_nearest_voxel(tmp_path):
    coarse = np.random.default_rng(2).integers(1, 70_000, (4, 4, 4))
    affine = AFFINE @ np.array([[3.0, 0, 0, 2], [0, 3, 0, -2], [0, 0, 3, 1], [0, 0, 0, 1]])
    reference, prediction = (
        nifti(tmp_path / "r.nii", ARRAY),
        nifti(tmp_path / "p.nii", coarse, affine, np.int32),
    )
    maps = read(reference, prediction, resample=True)
    where = [
        np.floor((np.arange(n) - start) / 3 + 0.5).astype(int)
        for n, start in zip(SHAPE, (2, -2, 1), strict=True)
    ]
    expected = np.zeros(SHAPE, int)
    for voxel in np.ndindex(SHAPE):
        source = [axis[k] for axis, k in zip(where, voxel, strict=True)]
        if all(0 <= k < 4 for k in source):
            expected[voxel] = coarse[tuple(source)]
    assert (expected == 0).any()
    np.testing.assert_array_equal(maps.prediction, expected)


def test_resampling_leaves_what_fits_alone(tmp_path):
    reference = nifti(tmp_path / "r.nii", ARRAY)
    assert not read(reference, reference, resample=True).resampled
    lost = nifti(tmp_path / "lost.nii", ARRAY, code=0)
    for pair in ((reference, lost), (lost, reference)):
        with pytest.raises(InputError, match=r"lost\.nii .* both need an affine"):
            read(*pair, resample=True)


def test_copied_affine(tmp_path):
    reference = nifti(tmp_path / "r.nii", ARRAY)
    prediction = nifti(tmp_path / "p.nii", ARRAY, np.diag([1.0, 2, 3, 1]))
    maps = read(reference, prediction, copy_affine=True)
    assert (maps.geometry_fixed, maps.resampled) == (True, False)
    np.testing.assert_array_equal(maps.grid.affine, AFFINE)
    with pytest.raises(InputError, match="different shapes"):
        read(reference, nifti(tmp_path / "q.nii", ARRAY[1:]), copy_affine=True)


@pytest.mark.parametrize("shift", [0, -2, 2**40])
def test_indices_for_drawing(shift):
    array = np.arange(24).reshape(2, 3, 4) % 6 + shift
    members = [frozenset({1 + shift, 2 + shift}), frozenset({5 + shift}), frozenset({2 + shift, 2**50})]
    expected = np.array([0, 1, 3, 0, 0, 2])[array - shift]
    found = class_indices(array, members)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, expected)
