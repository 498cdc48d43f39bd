"""The geometry gate between two files."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from medse.errors import InputError
from medse.volumes.grid import Grid, check_same_grid

AFFINE = np.diag([-1.0, 2.0, 3.0, 1.0])
FIRST = Grid("a scan.nii", (4, 5, 6), AFFINE)


def moved(by: float) -> Grid:
    affine = AFFINE.copy()
    affine[1, 3] = by
    return Grid("b.nii", (4, 5, 6, 1), affine)


def test_a_shift_passes_up_to_a_fiftieth_of_the_spacing_of_its_axis() -> None:
    assert check_same_grid(FIRST, moved(0.039)) is False
    assert check_same_grid(FIRST, moved(0.039), copy_affine=True) is False
    with pytest.raises(InputError, match=r"affines, which place a voxel up to 0.041 mm apart along axis 2"):
        check_same_grid(FIRST, moved(0.041))


def spaced(z_mm: float, slices: int = 30, source: str = "a.nii") -> Grid:
    return Grid(source, (256, 256, slices), np.diag([0.7, 0.7, z_mm, 1.0]))


def test_each_axis_is_judged_by_its_own_spacing_and_by_what_it_adds_up_to() -> None:
    for first, second in ((spaced(5), spaced(5.0008)), (spaced(5.0008), spaced(5))):
        assert check_same_grid(first, second) is False  # 0.024 mm of 5 at the far end
    for other in (spaced(5.01), spaced(4.99)):
        with pytest.raises(InputError, match="different affines"):
            check_same_grid(spaced(5), other)
    with pytest.raises(InputError, match=r"along axis 3"):  # as little a slice, but 200 of them
        check_same_grid(spaced(5, 200), spaced(5.0008, 200))
    rounded = np.diag([0.7031, 0.7031, 5, 1.0])
    exact = np.diag([0.703125, 0.703125, 5, 1.0])
    assert check_same_grid(Grid("a", (512, 512, 9), exact), Grid("b", (512, 512, 9), rounded)) is False


SHAPES = [(4, 5, 6), (64, 64, 1), (1, 1, 1)]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_flip_no_swap_and_no_half_voxel_passes(shape: tuple[int, int, int]) -> None:
    first = Grid("a.nii", shape, np.diag([0.5, 0.5, 8.0, 1.0]))
    for axis in range(3):
        half, flipped, back = first.affine.copy(), first.affine.copy(), first.affine.copy()
        half[:3, 3] += 0.5 * first.affine[:3, axis]
        flipped[:, axis] *= -1
        back[:3, 3] += (shape[axis] - 1) * first.affine[
            :3, axis
        ]  # the same box, its voxels the other way round
        back[:, axis] *= -1
        for affine in (half, flipped, back, first.affine[:, [1, 0, 2, 3]]):
            with pytest.raises(InputError, match="different affines"):
                check_same_grid(first, Grid("b.nii", shape, affine))


@pytest.mark.parametrize("degrees", [1.0, -1.0, 90.0])
@pytest.mark.parametrize("axis", range(3))
def test_no_rotation_passes(degrees: float, axis: int) -> None:
    angles = [0.0, 0.0, 0.0]
    angles[axis] = np.radians(degrees)
    turn = nib.affines.from_matvec(nib.eulerangles.euler2mat(*angles), [0, 0, 0])
    with pytest.raises(InputError, match="different affines"):
        check_same_grid(FIRST, Grid("b.nii", FIRST.shape, turn @ AFFINE))


def test_another_affine_names_both_remedies_and_passes_when_told() -> None:
    command = "medse resample b.nii {}--like 'a scan.nii' --out b_resampled.nii.gz"
    for labels, word in ((False, ""), (True, "--labels ")):
        with pytest.raises(InputError) as caught:
            check_same_grid(FIRST, replace(moved(7), labels=labels))
        assert f"run {command.format(word)}, or give --fix-geometry copy-affine (copy_" in str(caught.value)
    with pytest.raises(InputError) as caught:
        check_same_grid(FIRST, moved(7), copy_affine=None)
    assert "copy" not in str(caught.value)
    assert check_same_grid(FIRST, moved(7), copy_affine=True) is True


def test_what_is_in_memory_is_no_argument_of_a_command() -> None:
    with pytest.raises(InputError) as caught:
        check_same_grid(FIRST, replace(moved(7), source="<array>", in_memory=True))
    assert "run medse" not in str(caught.value)
    assert "resample <array> onto that of a scan.nii" in str(caught.value)


@pytest.mark.parametrize("copy_affine", [False, True])
def test_another_shape_is_never_let_pass(copy_affine: bool) -> None:
    for shape in ((4, 5, 7), (4, 5), (4, 6, 5)):
        with pytest.raises(InputError, match="different shapes.*run medse resample b.nii --like 'a"):
            check_same_grid(FIRST, Grid("b.nii", shape, AFFINE), copy_affine=copy_affine)


def test_a_file_that_does_not_say_where_left_is_does_not_fit_one_that_does() -> None:
    lost = Grid("b.nii", (4, 5, 6), AFFINE, oriented=False)
    for pair in ((FIRST, lost), (lost, FIRST)):
        with pytest.raises(InputError, match="a scan.nii says where the patient's left is and b.nii does"):
            check_same_grid(*pair)
        assert check_same_grid(*pair, copy_affine=True) is True
    assert check_same_grid(lost, lost) is False
