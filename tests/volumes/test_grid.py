"""The geometry gate between two files."""

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


def test_the_same_grid_passes_within_a_thousandth_of_the_spacing() -> None:
    assert check_same_grid(FIRST, moved(0.0009)) is False
    assert check_same_grid(FIRST, moved(0.0009), copy_affine=True) is False
    with pytest.raises(InputError, match=r"different affines \(largest difference 0.0011 at row 2, column"):
        check_same_grid(FIRST, moved(0.0011))


def test_another_affine_names_both_remedies_and_passes_when_told() -> None:
    with pytest.raises(InputError) as caught:
        check_same_grid(FIRST, moved(7))
    text = str(caught.value)
    assert "run medse resample b.nii --like 'a scan.nii' --out NEW (with --labels for a label map)" in text
    assert text.endswith("or give --fix-geometry copy-affine if the header of one is known to be wrong.")
    assert check_same_grid(FIRST, moved(7), copy_affine=True) is True


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
