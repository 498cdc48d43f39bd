"""Mirroring in the terms of the body: which axes of a patch, and which classes change sides."""

from collections.abc import Sequence

from medse.errors import InputError, some
from medse.labels.laterality import one_sided, pairs

LEFT_RIGHT = 0
"""The axis of a volume in RAS order that runs from left to right."""


def patch_axes(mirror_axes: Sequence[int], slice_axis: int | None) -> tuple[int, ...]:
    """Return the axes of a patch that are ``mirror_axes`` of a volume in RAS order.

    Args:
        slice_axis: Axis that 2-D patches are cut across and therefore lack; None for 3-D patches.

    Raises:
        InputError: A 2-D patch is to be mirrored along ``slice_axis``.
    """
    if slice_axis in mirror_axes:
        left = [axis for axis in range(3) if axis != slice_axis]
        raise InputError(
            f"trainer.augmentation.mirror_axes is {list(mirror_axes)}, but data.slice_axis is {slice_axis} and a "
            f"slice has no such axis; axes {left[0]} and {left[1]} can be mirrored; remove {slice_axis} from "
            "trainer.augmentation.mirror_axes."
        )
    return tuple(axis - (slice_axis is not None and axis > slice_axis) for axis in mirror_axes)


def mirror_swap(names: Sequence[str]) -> tuple[int, ...]:
    """Return what each class index becomes when left and right are mirrored.

    Args:
        names: Foreground classes in the order of their indices, 1 to K - 1.

    Returns:
        K + 1 indices: of the background, the classes and the ignored voxels, whose index is K.

    Raises:
        InputError: A class names a side and there is none for the other side.
    """
    if alone := one_sided(names):
        named = some([repr(names[position]) for position in alone])
        raise InputError(
            f"trainer.augmentation.mirror_axes holds 0 (left-right), but {named} on one side only would be "
            "mirrored to the other, for which there is no class; mirroring left-right needs classes in pairs or "
            "without a side; remove 0 from trainer.augmentation.mirror_axes."
        )
    swap = list(range(len(names) + 2))
    for left, right in pairs(names):
        swap[left + 1], swap[right + 1] = right + 1, left + 1
    return tuple(swap)


def swapped_pairs(mirror_axes: Sequence[int], names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the (left, right) class names that mirroring along ``mirror_axes`` swaps; empty for none."""
    if LEFT_RIGHT not in mirror_axes:
        return ()
    return tuple((names[left], names[right]) for left, right in pairs(names))
