"""The slice scroller's tiles: which slices, which way round, what is drawn."""

import io

import numpy as np
import pytest
from PIL import Image, ImageColor

from medse.report.panels import OPACITY, OTHERS
from medse.report.slices import MOST_SLICES, TILE_PIXELS, draw_stack
from medse.volumes.grid import Grid

RED = "#ff0000"


def stack_of(reference, prediction, image=None, colours=None, affine=None, start=1):
    grid = Grid("array", reference.shape, np.eye(4) if affine is None else affine)
    return draw_stack(reference, prediction, image, grid, colours or {1: RED}, (0.0, 100.0), start)


def tiles(data, stack, mode):
    """The tiles of a picture, in order."""
    grid = np.asarray(Image.open(io.BytesIO(data)).convert(mode))
    lines = -(-len(stack.numbers) // stack.columns)
    high, wide = grid.shape[0] // lines, grid.shape[1] // stack.columns
    return [
        grid[k // stack.columns * high :, k % stack.columns * wide :][:high, :wide]
        for k in range(len(stack.numbers))
    ]


def test_each_tile_is_its_slice():
    """The reference is a bar that moves by a voxel per slice, the prediction a square at the front."""
    reference, prediction = np.zeros((2, 40, 30, 12), np.uint8)
    for z in range(2, 9):
        reference[4 + z : 8 + z, 4:8, z] = 1
    prediction[30:34, 22:26, 2:9] = 1
    image = np.zeros(reference.shape, np.float32)
    image[:, 20:] = 100  # bright towards the front
    stack = stack_of(reference, prediction, image, start=5)
    assert stack.numbers == tuple(range(3, 10))
    assert (stack.count, stack.numbers[stack.start], stack.letters) == (12, 5, "LRPA")
    drawn, grey = tiles(stack.labels, stack, "RGBA"), tiles(stack.image, stack, "L")
    width, height = grey[0].shape[::-1]
    factor = stack.tile[0] // width
    assert drawn[0].shape[:2] == (height * factor, width * factor)
    for number, tile, picture in zip(stack.numbers, drawn, grey, strict=True):
        voxels = tile[factor // 2 :: factor, factor // 2 :: factor]
        columns, rows = np.nonzero((voxels[..., 3] > 100).T & (voxels[..., 3].T < 110))
        assert voxels[rows[0], columns[0]].tolist() == [255, 0, 0, pytest.approx(255 * OPACITY, abs=1)]
        assert (columns.min(), columns.max() - columns.min()) == (30 - 2, 3)  # the rim of the view is 4 wide
        line = np.nonzero(np.all(tile[..., :3] == ImageColor.getrgb(RED), axis=2) & (tile[..., 3] == 255))
        left = (4 + number - 1) - 2
        assert (line[1].min(), line[1].max()) == (left * factor, (left + 4) * factor - 1)
        assert line[0].min() > rows.max() * factor  # the back is below the front
        assert picture[0, 0] > 200
        assert picture[-1, 0] < 50


def test_slices_are_evenly_spaced_and_tiles_small():
    reference = np.zeros((500, 60, 200), np.uint8)
    reference[10:490, 10:50, 20:180] = 1
    stack = stack_of(reference, reference)
    assert len(stack.numbers) == MOST_SLICES
    assert (stack.numbers[0], stack.numbers[-1]) == (21, 180)
    assert set(np.diff(stack.numbers)) <= {3, 4}
    assert max(stack.tile) == TILE_PIXELS
    assert stack.ratio == pytest.approx(500 / 60)
    assert stack.image is None


def test_proportions_are_those_of_the_patient():
    reference = np.zeros((40, 40, 10), np.uint8)
    reference[15:25, 15:25, 3:6] = 1
    assert stack_of(reference, reference, affine=np.diag([1.0, 2, 3, 1])).ratio == pytest.approx(0.5, rel=0.2)


@pytest.mark.parametrize("shape", [(30, 30, 1), (1, 30, 30), (30, 1, 30)])
def test_a_single_slice_needs_no_scroller(shape):
    assert stack_of(np.ones(shape, np.uint8), np.ones(shape, np.uint8)) is None


def test_labels_in_one_slice_need_no_scroller():
    reference = np.zeros((30, 30, 9), np.uint8)
    reference[9:20, 9:20, 4] = 1
    assert stack_of(reference, reference) is None


def test_other_classes_are_faint_and_have_no_dark_rim():
    reference = np.zeros((40, 40, 10), np.uint8)
    reference[10:20, 10:20, 3:6] = 2
    stack = stack_of(reference, reference, colours={1: RED, 2: OTHERS})
    (colours,) = {
        frozenset(map(tuple, tile.reshape(-1, 4).tolist())) for tile in tiles(stack.labels, stack, "RGBA")
    }
    grey = ImageColor.getrgb(OTHERS)
    assert {colour[:3] for colour in colours if colour[3]} == {grey}
    assert min(colour[3] for colour in colours if colour[3]) < 40


def test_wide_label_values_do_not_matter():
    reference = np.zeros((20, 20, 4), np.uint16)
    reference[5:9, 5:9] = 300
    stack = stack_of(reference, reference, colours=dict.fromkeys(range(1, 301), OTHERS) | {300: RED})
    assert (255, 0, 0) in {
        colour[:3] for colour in map(tuple, tiles(stack.labels, stack, "RGBA")[0].reshape(-1, 4))
    }
