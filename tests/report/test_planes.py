"""Which slices are shown, and which way round."""

import nibabel as nib
import numpy as np
import pytest

from medse.report.planes import cut_planes
from medse.volumes.grid import Grid
from medse.volumes.reading import read_label_map

AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def grid_of(array):
    return Grid("array", array.shape, AFFINE)


def test_planes_meet_where_the_maps_disagree():
    reference = np.zeros((40, 50, 30), np.uint8)
    reference[10:30, 10:40, 5:25] = 1
    prediction = reference.copy()
    prediction[26:29, 35:38, 20:23] = 0
    prediction[20, 25, 15] = 0  # a speck elsewhere
    planes = cut_planes(reference, prediction, None, grid_of(reference))
    assert [plane.name for plane in planes] == ["Axial", "Coronal", "Sagittal"]
    assert [plane.number - 1 for plane in planes] == pytest.approx([21, 36, 27], abs=1)
    assert all((plane.reference != plane.prediction).any() for plane in planes)


def test_planes_show_the_labels_where_the_maps_agree():
    reference = np.zeros((30, 30, 30), np.uint8)
    reference[3:6, 20:23, 10:13] = 2
    assert all(
        (plane.reference == 2).any() for plane in cut_planes(reference, reference, None, grid_of(reference))
    )


def test_image_and_labels_are_cut_alike():
    reference = np.zeros((20, 21, 22), np.uint8)
    reference[5:9, 6:11, 7:13] = 1
    for plane in cut_planes(reference, np.roll(reference, 1, 0), reference * 10.0, grid_of(reference)):
        np.testing.assert_array_equal(plane.image, plane.reference * 10.0)


def test_small_structures_fill_the_view():
    reference = np.zeros((100, 100, 60), np.uint8)
    reference[50:56, 50:56, 30:33] = 1
    axial = cut_planes(reference, reference, None, grid_of(reference))[0]
    assert axial.reference.shape == (14, 14)  # six voxels and a rim of four on either side


@pytest.mark.parametrize("codes", ["RAS", "LPS", "PIR", "SAL"])
def test_patient_left_is_image_left_whatever_the_file_order(tmp_path, codes):
    """A marker at the patient's left, front and top, in a file of any orientation."""
    reference = np.zeros((12, 14, 16), np.uint8)
    reference[2:10, 2:12, 2:14] = 1
    prediction = reference.copy()
    prediction[2, 11, 13] = 0
    image = nib.Nifti1Image(reference, np.diag([1.0, 2.0, 3.0, 1.0]))
    turn = nib.orientations.ornt_transform(
        nib.orientations.axcodes2ornt("RAS"), nib.orientations.axcodes2ornt(codes)
    )
    nib.save(image.as_reoriented(turn), tmp_path / "r.nii")
    nib.save(nib.Nifti1Image(prediction, image.affine).as_reoriented(turn), tmp_path / "p.nii")
    first, grid = read_label_map(tmp_path / "r.nii")
    second, _ = read_label_map(tmp_path / "p.nii")
    axial, coronal, sagittal = cut_planes(first, second, None, grid)
    assert (axial.letters, coronal.letters, sagittal.letters) == ("LRPA", "LRIS", "PAIS")
    assert (axial.spacing_mm, coronal.spacing_mm, sagittal.spacing_mm) == ((1, 2), (1, 3), (2, 3))
    for plane, left, low in ((axial, True, False), (coronal, True, False), (sagittal, False, False)):
        (column,), (row,) = np.nonzero(plane.reference != plane.prediction)
        assert (column < plane.reference.shape[0] / 2) == left
        assert (row < plane.reference.shape[1] / 2) == low


def test_a_single_slice_gives_a_single_plane():
    reference = np.zeros((30, 30, 1), np.uint8)
    reference[10:20, 10:20] = 1
    assert [plane.name for plane in cut_planes(reference, reference, None, grid_of(reference))] == ["Axial"]
