"""What a drawn slice looks like, pixel by pixel."""

import io

import numpy as np
import pytest
from PIL import Image

from medse.report.panels import FAINT, OPACITY, OTHERS, SOFT_TISSUE_HU, draw_panels, grey_window, outline
from medse.report.planes import cut_planes
from medse.volumes.grid import Grid

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def grid_of(array):
    return Grid("array", array.shape, AFFINE)


def test_outline_follows_the_voxels():
    mask = np.zeros((4, 3), bool)
    mask[1, 1] = True
    segments = {tuple(map(tuple, segment)) for segment in outline(mask).tolist()}
    assert segments == {((1, 1), (1, 2)), ((2, 1), (2, 2)), ((1, 1), (2, 1)), ((1, 2), (2, 2))}
    assert len(outline(np.ones((4, 3), bool))) == 2 * (4 + 3)  # closed at the border of the slice


def test_panels_have_the_proportions_of_the_patient():
    reference = np.zeros((40, 40, 40), np.uint8)
    reference[10:30, 10:30, 10:30] = 1
    planes = cut_planes(reference, reference, None, grid_of(reference))
    panels = draw_panels(planes, {1: "#ff0000"}, grey_window(planes))
    for panel in panels:
        width, height = Image.open(io.BytesIO(panel.labels)).size
        assert height / width == pytest.approx(panel.plane.size_mm[1] / panel.plane.size_mm[0], rel=0.01)
    assert panels[1].plane.size_mm[1] / panels[1].plane.size_mm[0] > 2  # 3 mm slices


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGBA"))


def axial_panel(image=None, colour="#ff0000"):
    """Reference on the patient's left, prediction on the right, touching; both 10 mm wide."""
    reference, prediction = np.zeros((2, 40, 40, 10), np.uint8)
    reference[10:20, 15:25, 3:6] = 1
    prediction[20:30, 15:25, 3:6] = 1
    planes = cut_planes(reference, prediction, image, grid_of(reference))
    return planes[0], draw_panels(planes, {1: colour}, grey_window(planes))[0]


def test_reference_is_outlined_and_prediction_filled():
    plane, panel = axial_panel()
    drawn = pixels(panel.labels)
    height, width = drawn.shape[:2]
    columns, rows = plane.reference.shape
    middle = height // 2

    def at(column):
        return drawn[middle, int(width * column / columns)].tolist()

    rim = (columns - 20) / 2
    assert rows == columns - 10
    assert at(rim - 2)[3] == 0  # ground
    assert at(rim + 5)[3] == 0  # inside the reference
    assert at(rim)[:1] == [255]  # its left border
    assert at(rim)[3] == 255
    assert at(rim + 15) == [255, 0, 0, pytest.approx(255 * OPACITY, abs=1)]  # inside the prediction
    assert at(rim + 20.3)[3] == 0  # the prediction has no border


def test_other_classes_are_faint():
    _, panel = axial_panel(colour=OTHERS)
    opacity = pixels(panel.labels)[..., 3]
    assert np.bincount(opacity[opacity > 0]).argmax() == pytest.approx(255 * FAINT, abs=1)


def test_image_has_one_pixel_per_voxel_and_the_top_on_top():
    image = np.zeros((40, 40, 10), np.float32)
    image[:, 30:, :] = 100  # bright towards the front
    plane, panel = axial_panel(image)
    drawn = pixels(panel.image)
    assert drawn.shape[:2] == plane.image.T.shape
    assert drawn[0, 0, 0] in (0, 255)
    np.testing.assert_array_equal(drawn[::-1, :, 0] > 128, plane.image.T > 50)


def test_scale_bar_is_round_and_fits():
    plane, panel = axial_panel()
    assert panel.bar_mm in (5, 10)
    assert panel.bar_percent == pytest.approx(100 * panel.bar_mm / plane.size_mm[0])
    assert panel.bar_percent < 34


@pytest.mark.parametrize(("air", "window"), [(-1000, SOFT_TISSUE_HU), (-400, (-400, 900))])
def test_a_ct_is_shown_in_the_soft_tissue_window_and_other_images_whole(air, window):
    image = np.full((20, 20, 20), 40, np.float32)
    image[:10], image[-4:] = air, 900
    labels = np.ones(image.shape, np.uint8)
    planes = cut_planes(labels, labels, image, grid_of(labels))
    assert grey_window(planes) == pytest.approx(window)
