"""Images at the size of a network's input: where pixels go, what numbers become, and what is refused."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from medse.data.images import loading
from medse.data.images.cases import ImageCase
from medse.data.images.loading import ImageLoader, PreparedImages, count_channels, load_all, open_image
from medse.data.images.scaling import fitted, scaled, scaled_mask
from medse.errors import InputError
from medse.volumes.reading import grid_of
from tests.support.heads import head, save

LOADER = ImageLoader((16, 24), 1, "unit")


def case(image: Path, mask: Path | None = None, slice: int | None = None) -> ImageCase:
    return ImageCase(image.stem, image, "x", image.stem, mask, slice)


def refused(function: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as caught:
        function()
    message = str(caught.value)
    assert message.endswith(".")
    assert "\n" not in message
    return message


def volume(path: Path, array: np.ndarray, axes: str = "RAS", zooms: tuple[float, ...] = (1, 1, 1)) -> Path:
    """Write ``array``, which is in RAS order, on other axes."""
    image = nib.Nifti1Image(array, np.diag([*zooms, 1.0]))
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(axes)
    )
    nib.save(image.as_reoriented(turn), path)
    return path


def test_whole_factors_average_areas() -> None:
    image = np.random.default_rng(0).normal(size=(2, 12, 15)).astype(np.float32)
    expected = image.reshape(2, 4, 3, 3, 5).mean(axis=(2, 4))
    np.testing.assert_allclose(scaled(image, (4, 3)), expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(7, 13), (5, 31), (19, 2)])
def test_other_factors_average_areas_of_the_image_as_steps(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(1).normal(size=(1, 12, 10)).astype(np.float32)
    steps = image.repeat(shape[0], 1).repeat(
        shape[1], 2
    )  # each pixel is a block; the mean over blocks is exact
    expected = steps.reshape(1, shape[0], 12, shape[1], 10).mean(axis=(2, 4))
    small = [min(a, b) for a, b in zip(shape, (12, 10), strict=True)]
    if tuple(small) == shape:
        np.testing.assert_allclose(scaled(image, shape), expected, atol=1e-5)
    else:
        grown = ndimage.zoom(
            scaled(image, small)[0],
            [a / b for a, b in zip(shape, small, strict=True)],
            order=1,
            grid_mode=True,
            mode="nearest",
        )
        np.testing.assert_allclose(scaled(image, shape)[0], grown, atol=1e-5)


def test_masks_keep_halves_and_never_vanish() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:4, :3] = True
    np.testing.assert_array_equal(scaled_mask(mask, (2, 4)), [[1, 1, 0, 0], [0, 0, 0, 0]])
    mask[...] = False
    mask[6, 5] = True
    np.testing.assert_array_equal(scaled_mask(mask, (2, 2)), [[0, 0], [0, 1]])
    assert not scaled_mask(np.zeros((8, 8), bool), (2, 2)).any()


def test_one_factor_fits_an_image() -> None:
    assert fitted((100, 50), (20, 20)) == (20, 10)
    assert fitted((30, 60), (64, 64)) == (32, 64)
    assert fitted((1, 900), (16, 16)) == (1, 16)


def test_a_picture_lies_as_displayed_centred_on_its_darkest_value(tmp_path: Path) -> None:
    values = np.full((8, 4), 10, np.uint8)
    values[0, 0], values[-1, -1] = 250, 2  # top left bright, bottom right dark
    found = ImageLoader((8, 8), 1, "unit")(case(save(tmp_path / "a.png", values)))
    image = found["image"]
    assert (found["id"], found["mask"], image.shape, image.dtype) == ("a", None, (1, 8, 8), np.float32)
    np.testing.assert_allclose(image[0, :, 2:6], (values - 2.0) / 248, atol=1e-6)
    assert not image[0, :, [0, 1, 6, 7]].any()


def test_normalisations_by_hand(tmp_path: Path) -> None:
    values = np.array([[0, 50], [100, 250]], np.uint8)
    made = {
        name: ImageLoader((2, 4), 1, name)(case(save(tmp_path / "a.png", values)))["image"][0]
        for name in ("zscore", "zscore_nonzero", "unit", "signed_unit")
    }
    z = (values - values.mean()) / values.std()
    np.testing.assert_allclose(made["zscore"][:, 1:3], z, atol=1e-6)
    np.testing.assert_allclose(made["zscore"][:, [0, 3]], z.min(), atol=1e-6)
    some = np.array([50, 100, 250])
    expected = np.where(values > 0, (values - some.mean()) / some.std(), 0)
    np.testing.assert_allclose(made["zscore_nonzero"][:, 1:3], expected, atol=1e-6)
    assert not made["zscore_nonzero"][:, [0, 3]].any()
    np.testing.assert_allclose(made["unit"][:, 1:3], values / 250, atol=1e-6)
    np.testing.assert_allclose(made["signed_unit"][:, 1:3], values / 127.5 - 1, atol=1e-6)
    assert (made["signed_unit"][:, [0, 3]] == -1).all()


def test_sixteen_bits_are_read_in_full(tmp_path: Path) -> None:
    values = np.array([[0, 1000], [40000, 65535]], np.uint16)
    deep = case(save(tmp_path / "a.png", values))
    image = ImageLoader((2, 2), 1, "signed_unit")(deep)["image"][0]
    np.testing.assert_allclose(image, values / 32767.5 - 1, atol=1e-6)
    assert count_channels([deep, case(save(tmp_path / "b.png", head(0, 8)))]) == 1


def test_colours_are_normalised_together(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 255, (4, 4, 3)).astype(np.uint8)
    image = ImageLoader((4, 4), 3, "zscore")(case(save(tmp_path / "a.png", values)))["image"]
    np.testing.assert_allclose(image, ((values - values.mean()) / values.std()).transpose(2, 0, 1), atol=1e-5)


@pytest.mark.parametrize("axes", ["RAS", "LPI", "SRA", "PIL"])
@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_slices_have_the_later_axis_up(tmp_path: Path, axes: str, slice_axis: int) -> None:
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    path = volume(tmp_path / "v.nii", array, axes)
    plane = array.take(3, slice_axis)  # (earlier, later)
    expected = np.rot90(plane)  # rows: later axis from the top down; columns: earlier axis
    loader = ImageLoader(expected.shape, 1, "zscore", slice_axis)
    image = loader(case(path, slice=3))["image"][0]
    np.testing.assert_allclose(image, (expected - expected.mean()) / expected.std(), atol=1e-5)


def test_spacing_decides_about_the_shape_of_a_slice(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(10, 10, 3)).astype(np.float32)
    path = volume(tmp_path / "v.nii", array, zooms=(1, 2, 5))
    image = ImageLoader((20, 20), 1, "unit")(case(path, slice=0))["image"][0]
    columns = np.flatnonzero((image != 0).any(axis=0))
    assert (columns.min(), columns.max()) == (5, 14)
    assert (image != 0).any(axis=1).sum() == 20


@pytest.mark.parametrize("axes", ["RAS", "PIL"])
def test_volumes_are_in_ras_order_and_maps_come_back_to_their_voxels(tmp_path: Path, axes: str) -> None:
    array = np.random.default_rng(0).normal(size=(4, 6, 8)).astype(np.float32)
    path = volume(tmp_path / "v.nii", array, axes)
    loader = ImageLoader((8, 8, 8), 1, "zscore")
    image = loader(case(path))["image"]
    np.testing.assert_allclose(image[0, 2:6, 1:7], (array - array.mean()) / array.std(), atol=1e-5)
    back = loader.placement(grid_of(open_image(path)), None).restored(image[0])
    assert back.shape == nib.load(path).shape
    np.testing.assert_allclose(back * array.std() + array.mean(), nib.load(path).get_fdata(), atol=1e-4)


def test_maps_come_back_to_the_pixels_of_a_picture(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", head(3)[:, :100])
    loader = ImageLoader((64, 64), 1, "unit")
    back = loader.placement(grid_of(open_image(path)), None).restored(loader(case(path))["image"][0])
    assert back.shape == (128, 100)
    assert np.corrcoef(back.ravel(), head(3)[:, :100].ravel())[0, 1] > 0.97


def test_masks_lie_where_their_images_do(tmp_path: Path) -> None:
    array = np.zeros((6, 6, 4), np.float32)
    array[1:3, 4:6, 2] = 1
    image = volume(tmp_path / "v.nii", array + np.arange(6)[:, None, None] / 100)
    mask = volume(tmp_path / "m.nii", array.astype(np.uint8) * 7)
    item = ImageLoader((6, 6), 1, "unit")(case(image, mask, 2))
    assert (item["mask"].shape, item["mask"].dtype, item["mask"].sum()) == ((1, 6, 6), np.uint8, 4)
    np.testing.assert_array_equal(item["mask"][0], item["image"][0] > 0.5)
    picture = save(tmp_path / "p.png", head(0, 32))
    outline = save(tmp_path / "o.png", np.pad(np.full((2, 2), 255, np.uint8), ((0, 30), (0, 30))))
    small = ImageLoader((8, 8), 1, "unit")(case(picture, outline))["mask"][0]
    assert small.sum() == small[0, 0] == 1


def test_what_memory_holds_is_like_its_file(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    path = volume(tmp_path / "v.nii", array, "LPI")
    image = nib.load(path)
    loader = ImageLoader((8, 8), 1, "zscore")
    expected = loader(case(path, slice=4))["image"]
    for given in ((path, None), (str(path), None), (image, None), (image.get_fdata(), image.affine)):
        np.testing.assert_allclose(loader.image(*given, slice=4), expected, atol=1e-5)


@pytest.mark.parametrize("index", [-1, 7, 2.0])
def test_a_slice_is_counted_from_0(tmp_path: Path, index: int) -> None:
    path = volume(tmp_path / "v.nii", np.random.default_rng(0).random((5, 6, 7)), "RAS")
    with pytest.raises(InputError, match=f"slice {index} was asked for; whole numbers from 0 to 6"):
        ImageLoader((8, 8), 1, "zscore").image(path, None, slice=index)


def test_all_are_loaded_in_order_and_a_file_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    path = volume(tmp_path / "v.nii.gz", array)
    cases = [replace(case(path, slice=k), id=str(k)) for k in (5, 0, 3)]
    cases.insert(1, case(save(tmp_path / "a.png", head(0, 16))))
    opened: list[Any] = []
    monkeypatch.setattr(
        loading, "open_image", lambda given, _=None: opened.append(given) or open_image(given)
    )
    found = load_all(cases, LOADER)
    assert [item["id"] for item in found] == ["5", "a", "0", "3"]
    assert opened.count(path) <= 2  # once to learn its size
    for item, one in zip(found, cases, strict=True):
        np.testing.assert_array_equal(item["image"], LOADER(one)["image"])


def test_what_does_not_fit_is_read_at_each_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cases = [case(save(tmp_path / f"{k}.png", head(k, 16))) for k in range(4)]
    each = 4 * 16 * 24
    monkeypatch.setattr(loading, "available_memory", lambda: int(2.5 * each / loading.MEMORY_SHARE))
    with caplog.at_level(logging.WARNING):
        found = load_all(cases, LOADER)
    assert isinstance(found, PreparedImages)
    assert (len(found), len(found.memory)) == (4, 2)
    assert [item["id"] for item in found] == ["0", "1", "2", "3"]
    assert "2 of 4" in caplog.text


def test_every_bad_image_is_named(tmp_path: Path) -> None:
    bad = []
    for k in range(2):
        path = save(tmp_path / f"bad{k}.jpg", head(k))
        path.write_bytes(path.read_bytes()[:-600])
        bad.append(case(path))
    good = case(save(tmp_path / "good.png", head(0)))
    message = refused(lambda: load_all([good, bad[0]], LOADER))
    assert "bad0.jpg cannot be read to its end" in message
    with pytest.raises(InputError) as caught:
        load_all([good, *bad], LOADER)
    assert "bad0.jpg" in str(caught.value)
    assert "bad1.jpg" in str(caught.value)


def test_kinds_of_images(tmp_path: Path) -> None:
    grey = case(save(tmp_path / "grey.png", head(0, 16)))
    deep = case(save(tmp_path / "deep.png", head(0, 16).astype(np.uint16) * 256))
    colour = case(save(tmp_path / "colour.png", np.stack([head(k, 16) for k in range(3)], -1)))
    shades = case(save(tmp_path / "shades.png", np.stack([head(0, 16)] * 3, -1)))
    assert [count_channels(each) for each in ([grey, deep], [colour, shades], [grey, shades])] == [1, 3, 1]
    mixed = refused(lambda: count_channels([deep, colour]))
    assert "deep.png is a 16-bit grey image" in mixed
    assert "colour.png a colour image" in mixed
    assert "cannot be mixed" in refused(lambda: count_channels([grey, colour]))
    assert "cannot be mixed" in refused(lambda: count_channels([deep, shades]))
    np.testing.assert_allclose(LOADER(shades)["image"], LOADER(grey)["image"])
    assert "has colours and the network takes grey" in refused(lambda: LOADER(colour))
    assert "picture with as many colours" in refused(lambda: ImageLoader((8, 8), 3, "unit")(grey))


def test_refusals(tmp_path: Path) -> None:
    array = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    scan = volume(tmp_path / "v.nii", array)
    picture = save(tmp_path / "p.png", head(0, 32))
    flat = save(tmp_path / "flat.png", np.full((8, 8), 7, np.uint8))
    whole = ImageLoader((8, 8, 8), 1, "unit")
    tall = save(tmp_path / "tall.png", np.zeros((33, 32), np.uint8))
    many = save(tmp_path / "many.png", np.arange(32 * 32).reshape(32, 32).astype(np.uint8) % 3)
    expected = {
        "has 7 slices along axis 2 and slice 7 was asked for; whole numbers from 0 to 6": lambda: LOADER(
            case(scan, slice=7)
        ),
        "name the slice of each case in a column 'slice'": lambda: LOADER(case(scan)),
        "data.size has three lengths": lambda: whole(case(picture)),
        "as slice 1 of a volume": lambda: whole(case(scan, slice=1)),
        "flat.png is constant": lambda: LOADER(case(flat)),
        "tall.png has 32 x 33 pixels and its image": lambda: LOADER(case(picture, tall)),
        "many.png holds 1 and 2; a mask holds 0 and one other value": lambda: LOADER(case(picture, many)),
        "v.nii is no PNG or JPEG": lambda: ImageLoader((8, 8), 1, "signed_unit")(case(scan, slice=1)),
        "gone.png does not exist": lambda: LOADER(case(tmp_path / "gone.png")),
        "JPEG changes values": lambda: LOADER(case(picture, save(tmp_path / "m.jpg", head(0, 32)))),
    }
    for words, function in expected.items():
        assert words in refused(function)
    assert "constant" in refused(lambda: replace(LOADER, normalization="signed_unit")(case(flat)))


def test_an_image_that_is_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no picture")
    assert "is no PNG file as its name says" in refused(lambda: count_channels([case(tmp_path / "a.png")]))
    Image.new("P", (4, 4)).save(tmp_path / "p.png")
    assert "palette" in refused(lambda: count_channels([case(tmp_path / "p.png")]))
