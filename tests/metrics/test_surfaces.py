"""Surfaces and the distances between them: hand-made answers, published tables, and brute force."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt, generate_binary_structure

from medse.metrics import neighbourhoods
from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.element_areas import corners, element_areas
from medse.metrics.mask_pair import MaskPair
from medse.metrics.surfaces import LabelSurfaces, Surface, surface_distances

SPACING = (0.7, 1.3, 5.0)
LABELS = np.random.default_rng(0).choice([0, 0, 0, 3, 9], (7, 6, 5))
LABELS[2:5, 1:4, 1:4] = 3


def elements(mask: np.ndarray, spacing: tuple[float, ...]) -> Surface:
    return LabelSurfaces(np.asarray(mask, np.uint8), spacing, "elements").of({1})


def assert_same(first: Surface, second: Surface) -> None:
    np.testing.assert_array_equal(first.index, second.index)
    np.testing.assert_array_equal(first.weights, second.weights)


def codes(spatial_dims: int) -> dict[int, np.ndarray]:
    """Every code with the 2x2(x2) mask it stands for."""
    cells = {}
    for code in range(2**2**spatial_dims):
        cells[code] = np.zeros((2,) * spatial_dims, bool)
        for bit, corner in enumerate(corners(spatial_dims)):
            cells[code][corner] = code >> bit & 1
    return cells


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), SPACING, (2.5, 0.5, 0.9), (1.0, 3.0), (0.7, 5.0)])
def test_areas_are_those_of_the_published_tables(spacing):
    tables = pytest.importorskip("surface_distance.lookup_tables")
    dims = len(spacing)
    table, kernel = (
        (tables.create_table_neighbour_code_to_surface_area, tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL)
        if dims == 3
        else (tables.create_table_neighbour_code_to_contour_length, tables.ENCODE_NEIGHBOURHOOD_2D_KERNEL)
    )
    theirs = table(spacing)
    expected = [theirs[int((np.asarray(kernel) * cell).sum())] for cell in codes(dims).values()]
    np.testing.assert_allclose(element_areas(spacing), expected, rtol=1e-12)


@pytest.mark.parametrize("spacing", [SPACING, (0.7, 5.0)])
def test_areas_keep_to_the_symmetries_of_a_cell(spacing):
    """Inside and outside may change places, and a cell may be mirrored along any axis."""
    dims, areas = len(spacing), element_areas(spacing)
    number = {cell.tobytes(): code for code, cell in codes(dims).items()}
    assert areas[0] == areas[-1] == 0
    assert (areas[1:-1] > 0).all()
    for code, cell in codes(dims).items():
        for axis in range(dims):
            assert areas[number[np.flip(cell, axis).tobytes()]] == pytest.approx(areas[code])
    np.testing.assert_allclose(areas, areas[::-1])


def test_one_voxel_is_an_octahedron():
    """Its corners lie half a voxel from the centre along each axis: eight equal triangles."""
    x, y, z = SPACING
    triangle = 0.5 * np.linalg.norm(np.cross([x / 2, -y / 2, 0], [x / 2, 0, -z / 2]))
    surface = elements(np.pad([[[1]]], 2), SPACING)
    np.testing.assert_allclose(surface.weights, [triangle] * 8)


def test_one_pixel_is_a_rhombus():
    surface = elements(np.pad([[1]], 2), (3.0, 4.0))
    np.testing.assert_allclose(surface.weights, [2.5] * 4)


def test_a_row_of_pixels_is_two_lines_and_four_half_diagonals():
    surface = elements(np.pad(np.ones((1, 6)), 2), (3.0, 4.0))
    assert surface.weights.sum() == pytest.approx(2 * 5 * 4.0 + 4 * 2.5)


@pytest.mark.parametrize("axis", range(3))
def test_a_slab_has_two_planes(axis):
    """Inside, away from its rim, each cell is cut by one rectangle of the grid."""
    mask = np.zeros((6, 6, 6), bool)
    mask[(slice(None),) * axis + (slice(2, 4),)] = True
    weights = elements(mask, SPACING).weights
    face = np.prod(SPACING) / SPACING[axis]
    assert np.isclose(weights, face).sum() == 2 * 5 * 5


def test_a_mask_at_the_border_is_closed_there():
    """Beyond the image is background: cropping to the mask changes nothing."""
    mask = LABELS == 3
    assert elements(mask, SPACING).weights.sum() == pytest.approx(
        elements(np.pad(mask, 3), SPACING).weights.sum()
    )


@pytest.mark.parametrize("kind", ["elements", "voxels"])
@pytest.mark.parametrize("labels", [LABELS, LABELS[3]], ids=["3-D", "2-D"])
def test_neither_slabs_nor_memory_nor_type_matter(kind, labels, monkeypatch):
    spacing = SPACING[-labels.ndim :]
    expected = LabelSurfaces(labels.astype(np.uint8), spacing, kind).of({3})
    alone = (labels == 3).astype(np.uint8)
    assert_same(LabelSurfaces(alone, spacing, kind).of({1}), expected)  # other classes around are no matter
    renamed = {np.int16: -3, np.int64: 2**40, np.uint32: 4_000_000_000, np.int8: 3}
    for dtype, value in renamed.items():
        other = np.where(labels == 3, value, labels).astype(dtype)
        assert_same(LabelSurfaces(np.asfortranarray(other), spacing, kind).of({value}), expected)
    for voxels in (1, labels[0].size, 2 * labels[0].size + 1, 5 * labels[0].size):
        monkeypatch.setattr(neighbourhoods, "VOXELS", voxels)
        assert_same(LabelSurfaces(labels, spacing, kind).of({3}), expected)


def test_a_class_of_two_values_has_no_surface_between_them():
    both = LabelSurfaces(LABELS, SPACING, "elements").of({3, 9})
    assert_same(both, elements(LABELS > 0, SPACING))


def test_an_absent_class_has_no_surface():
    for kind in ("elements", "voxels"):
        assert len(LabelSurfaces(LABELS, SPACING, kind).of({4}).index) == 0


@pytest.mark.parametrize("labels", [LABELS, LABELS[3], LABELS[:, :1]], ids=["3-D", "2-D", "one slice"])
def test_boundary_voxels_are_what_erosion_takes(labels):
    for value in (3, 9):
        mask = labels == value
        surfaces = LabelSurfaces(labels, SPACING[: labels.ndim], "voxels")
        found = surfaces.of({value})
        edge = mask & ~binary_erosion(mask, generate_binary_structure(mask.ndim, 1))
        there = np.stack(np.unravel_index(found.index, surfaces.found.shape), axis=1)
        there -= (np.array(surfaces.found.shape) - labels.shape) // 2
        np.testing.assert_array_equal(there, np.argwhere(edge))
        assert set(found.weights) <= {1.0}


@pytest.mark.parametrize("seed", range(4))
def test_distances_are_those_of_a_distance_transform(seed):
    shape, spacing = ((9, 8, 7), SPACING) if seed % 2 else ((12, 10), SPACING[1:])
    rng = np.random.default_rng(seed)
    masks = [rng.random(shape) < share for share in (0.1, 0.02)]
    first, second = (Surface(np.flatnonzero(mask), np.arange(1.0, mask.sum() + 1)) for mask in masks)
    found = surface_distances(first, second, shape, spacing)
    to = [distance_transform_edt(~mask, spacing) for mask in masks]
    np.testing.assert_allclose(found.reference_mm, to[1][masks[0]], rtol=1e-12)
    np.testing.assert_allclose(found.prediction_mm, to[0][masks[1]], rtol=1e-12)
    assert found.reference_weights is first.weights
    assert found.prediction_weights is second.weights


@pytest.mark.parametrize(
    ("spacing", "steps", "tolerance"),
    [(0.7, 1, 0.7), (0.3, 3, 0.9), (0.1, 3, 0.3), (0.6, 7, 4.2), (1.1, 3, 3.3), (0.9, 0, 0.0)],
)
@pytest.mark.parametrize("axis", range(3))
def test_exactly_the_tolerance_is_within(spacing, steps, tolerance, axis):
    """A sheet shifted by so many voxels along the fine axis; the decimal numbers are no exact doubles."""
    reference, prediction = np.zeros((2, 14, 14, 14), bool)
    at = (slice(3, 11),) * axis, (slice(3, 11),) * (2 - axis)
    reference[(*at[0], slice(2, 4), *at[1])] = True
    prediction[(*at[0], slice(2 + steps, 4 + steps), *at[1])] = True
    measure = CONVENTIONS["medse"].measure
    for stored in (spacing, float(np.float32(spacing))):  # as written, and as NIfTI keeps it
        spacings = tuple(stored if k == axis else 50.0 for k in range(3))
        assert measure(MaskPair.of(reference, prediction, spacings, tolerance_mm=tolerance)).nsd == 1
    if steps:
        less = measure(MaskPair.of(reference, prediction, spacings, tolerance_mm=tolerance * 0.999))
        assert less.nsd < 0.9
