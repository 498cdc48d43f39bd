"""The most confident mistakes: which they are, and how images and maps are drawn."""

import io

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from medse.data.images.cases import ImageCase
from medse.data.images.loading import ImageLoader
from medse.errors import InputError
from medse.report import classification_mistakes as mistakes
from medse.report.classification import write_classification_report
from medse.scores.classification import write_classification
from tests.support.made_up_classifier import collect_classified

CLASSES = ("a", "b", "c")


def wrong(count=1, images=None, slices=None, **more):
    """Scores of so many cases of class a, called b, the first with most confidence."""
    p = [0.9 - 0.02 * k for k in range(count)]
    table = np.array([[0.6 * (1 - one), one, 0.4 * (1 - one)] for one in p])
    return collect_classified(["a"] * count, table, CLASSES, images=images, slices=slices, **more)


def grey(jpeg):
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"), np.float64)


def save_picture(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def shades(rows=40, columns=60):
    """A picture whose every corner differs."""
    down, across = np.mgrid[0:rows, 0:columns]
    return (30 + 120 * down / rows + 90 * across / columns).astype(np.uint8)


def test_the_most_confident_come_first():
    drawn = mistakes.draw_mistakes(wrong(14), None, None)
    assert [one.row.case for one in drawn] == [f"c{k:03}" for k in range(mistakes.MOST)]
    assert [(bar.label, bar.role) for bar in drawn[0].bars] == [
        ("b", "predicted"),
        ("a", "reference"),
        ("c", ""),
    ]
    assert drawn[0].image is None


def test_of_many_classes_the_least_probable_are_summed_up():
    classes = tuple(f"k{k}" for k in range(12))
    p = np.array([[0.3, 0.2, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.02, 0.01, 0.01, 0.01]])
    (one,) = mistakes.draw_mistakes(collect_classified(["k11"], p, classes), None, None)
    assert [bar.label for bar in one.bars] == ["k0", "k1", "k2", "k3", "k11", "7 other classes"]
    assert sum(bar.probability for bar in one.bars) == pytest.approx(1)


def test_a_picture_is_shown_upright_and_windowed(tmp_path):
    save_picture(tmp_path / "deep" / "x.png", shades())
    (one,) = mistakes.draw_mistakes(wrong(images=["deep/x.png"]), tmp_path, None)
    assert one.size == (400, 267)
    shown = grey(one.image)
    assert shown.shape == (267, 400)
    assert shown[5, 5] < 30
    assert shown[-5, -5] > 225
    assert shown[-5, 5] > shown[5, -5] + 15  # rows count for more than columns
    assert one.overlaid is None


@pytest.mark.parametrize("kind", [np.uint16, "colour"])
def test_deep_and_coloured_pictures_are_shown(tmp_path, kind):
    values = np.stack([shades()] * 3, -1) if kind == "colour" else shades().astype(kind) * 200
    save_picture(tmp_path / "c000.png", values)
    (one,) = mistakes.draw_mistakes(wrong(), tmp_path, None)
    shown = grey(one.image)
    assert shown[-5, -5] > shown[-5, 5] > shown[5, -5] > shown[5, 5]
    if kind == "colour":
        assert shown[5, 5] == pytest.approx(shades()[0, 0], abs=6)


def test_the_map_tints_where_it_is_high_and_leaves_the_image_elsewhere(tmp_path):
    save_picture(tmp_path / "c000.png", shades())
    heat = np.zeros((40, 60), np.uint8)
    heat[10:20, 40:50] = 255
    save_picture(tmp_path / "maps" / "c000.png", heat)
    (one,) = mistakes.draw_mistakes(wrong(), tmp_path, tmp_path / "maps")
    with_map, without = (
        np.asarray(Image.open(io.BytesIO(it)), np.float64) for it in (one.overlaid, one.image)
    )
    chroma = np.ptp(with_map, axis=-1)
    assert chroma[90:110, 285:315].min() > 40
    assert chroma[180:, :].max() < 12
    np.testing.assert_allclose(with_map[180:], without[180:], atol=8)
    inside = grey(one.overlaid)[85:115, 285:315]
    assert np.ptp(inside) > 0.4 * np.ptp(grey(one.image)[85:115, 285:315])  # what lies below stays visible


def test_only_the_map_has_colours(tmp_path):
    save_picture(tmp_path / "c000.png", np.stack([shades(), shades() // 2, shades() // 4], -1))
    save_picture(tmp_path / "maps" / "c000.png", np.zeros((40, 60), np.uint8))
    (one,) = mistakes.draw_mistakes(wrong(), tmp_path, tmp_path / "maps")
    with_map, without = (np.asarray(Image.open(io.BytesIO(it)), int) for it in (one.overlaid, one.image))
    assert np.ptp(without, axis=-1).mean() > 60
    assert np.ptp(with_map, axis=-1).max() < 12


def test_a_map_of_another_size_is_refused(tmp_path):
    save_picture(tmp_path / "c000.png", shades())
    save_picture(tmp_path / "maps" / "c000.png", shades(41))
    with pytest.raises(InputError, match="41 rows"):
        mistakes.draw_mistakes(wrong(), tmp_path, tmp_path / "maps")


def test_a_missing_image_is_refused_by_its_name(tmp_path):
    write_classification(tmp_path / "out", wrong(images=["deep/x.png"]))
    with pytest.raises(InputError, match=r"deep.x\.png does not exist"):
        write_classification_report(tmp_path / "out", tmp_path)
    assert not (tmp_path / "out" / "report.html").exists()


def volume(tmp_path, name="v.nii.gz"):
    """A volume whose file axes are turned and mirrored."""
    values = np.random.default_rng(0).normal(size=(12, 20, 30)).astype(np.float32)
    affine = np.array([[0, 2.0, 0, 0], [0, 0, -1.0, 0], [-3.0, 0, 0, 0], [0, 0, 0, 1]])
    nib.save(nib.Nifti1Image(values, affine), tmp_path / name)
    return tmp_path / name


@pytest.mark.parametrize("axis", [0, 2])
def test_a_slice_is_shown_as_the_network_sees_it(tmp_path, axis):
    path = volume(tmp_path)
    scores = wrong(images=["v.nii.gz"], slices=[4], split={"slice_axis": str(axis)})
    (one,) = mistakes.draw_mistakes(scores, tmp_path, None)
    item = ImageLoader((300, 300), 1, "unit", slice_axis=axis)(ImageCase("c", path, "a", "g", slice=4))[
        "image"
    ][0]
    rows, columns = np.flatnonzero(np.ptp(item, axis=1) > 0), np.flatnonzero(np.ptp(item, axis=0) > 0)
    seen = item[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    expected = np.asarray(Image.fromarray(seen).resize(one.size))
    assert np.corrcoef(expected.ravel(), grey(one.image).ravel())[0, 1] > 0.95
    assert one.said.startswith(("Sagittal", "Coronal", "Axial")[axis] + " slice 4")


def test_a_volume_is_shown_where_its_map_is_highest_and_not_without(tmp_path):
    path = volume(tmp_path)
    (one,) = mistakes.draw_mistakes(wrong(images=["v.nii.gz"]), tmp_path, None)
    assert (one.image, "no map" in one.said) == (None, True)
    heat = np.zeros((12, 20, 30), np.uint8)
    heat[2, 5, 7] = 255  # the first axis runs down from 11: two from the top
    (tmp_path / "maps").mkdir()
    nib.save(nib.Nifti1Image(heat, nib.load(path).affine), tmp_path / "maps" / "c000.nii.gz")
    (one,) = mistakes.draw_mistakes(wrong(images=["v.nii.gz"]), tmp_path, tmp_path / "maps")
    assert "slice 10 of 12" in one.said
    assert one.size == (400, 300)
    assert one.overlaid is not None
    nib.save(nib.Nifti1Image(heat[:-1], np.eye(4)), tmp_path / "maps" / "c000.nii.gz")
    with pytest.raises(InputError, match="in RAS order"):
        mistakes.draw_mistakes(wrong(images=["v.nii.gz"]), tmp_path, tmp_path / "maps")
