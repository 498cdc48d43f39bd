"""Which axes of a patch are mirrored, and what becomes of left and right."""

import pytest

from medse.data.augmentation.mirroring import mirror_swap, patch_axes, swapped_pairs
from medse.errors import InputError

NAMES = ("lh_cortex", "brainstem", "right_putamen", "rh_cortex", "left_putamen")


@pytest.mark.parametrize(
    ("mirror_axes", "slice_axis", "expected"),
    [((0, 2), None, (0, 2)), ((1, 2), 0, (0, 1)), ((2, 0), 1, (1, 0)), ((0, 1), 2, (0, 1)), ((), 0, ())],
)
def test_axes_of_the_volume_become_those_of_the_patch(
    mirror_axes: tuple[int, ...], slice_axis: int | None, expected: tuple[int, ...]
) -> None:
    assert patch_axes(mirror_axes, slice_axis) == expected


@pytest.mark.parametrize("slice_axis", [0, 1, 2])
def test_the_axis_across_the_slices_cannot_be_mirrored(slice_axis: int) -> None:
    with pytest.raises(InputError, match=rf"data.slice_axis is {slice_axis} .*; remove {slice_axis} from"):
        patch_axes((0, 1, 2), slice_axis)


def test_pairs_are_swapped_and_nothing_else() -> None:
    assert mirror_swap(NAMES) == (0, 4, 2, 5, 1, 3, 6)
    assert mirror_swap(("tumour",)) == (0, 1, 2)
    assert swapped_pairs((0, 1), NAMES) == (("lh_cortex", "rh_cortex"), ("left_putamen", "right_putamen"))
    assert swapped_pairs((1, 2), NAMES) == swapped_pairs((0,), ("tumour",)) == ()


def test_a_class_on_one_side_only_forbids_the_mirror() -> None:
    with pytest.raises(InputError, match=r"'left_putamen' on one side .* remove 0 from trainer.augmentation"):
        mirror_swap(("brainstem", "left_putamen"))
    with pytest.raises(InputError, match=r"'a_left', 'b_left', 'c_left', 'd_left' on one side"):
        mirror_swap(("a_left", "b_left", "c_left", "d_left"))
