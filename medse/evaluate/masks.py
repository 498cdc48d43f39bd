"""Masks in files of their own, one per class, that may overlap: ``CASE/liver.nii.gz`` -> one map of numbers."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from medse.arrays import BoolArray, LabelArray
from medse.errors import InputError, count, some
from medse.labels.value_counts import count_values
from medse.volumes.names import list_volumes


class MaskCodes:
    """Numbers for the combinations of classes that meet in a voxel; 0 for none.

    Args:
        alone: Class -> its number where it is alone.
        first: Number of the first combination of several; larger than all others.
    """

    def __init__(self, alone: Mapping[str, int], first: int) -> None:
        self._classes = {0: frozenset[str]()} | {code: frozenset((name,)) for name, code in alone.items()}
        self._codes = {classes: code for code, classes in self._classes.items()}
        self._next = first

    @property
    def members(self) -> dict[str, frozenset[int]]:
        """Class -> the numbers of the combinations that it is part of."""
        names = [name for classes in self._classes.values() if len(classes) == 1 for name in classes]
        return {
            name: frozenset(code for code, classes in self._classes.items() if name in classes)
            for name in names
        }

    def add(self, codes: LabelArray, mask: BoolArray, name: str) -> LabelArray:
        """Add class ``name`` where ``mask`` is to a map of numbers, which is changed, or replaced by a wider one."""
        before = codes[mask]
        after = {code: self._code(self._classes[code] | {name}) for code in count_values(before)}
        widest = np.min_scalar_type(max(after.values(), default=0))
        wide: LabelArray = codes.astype(np.promote_types(codes.dtype, widest), copy=False)
        changed = np.empty(before.shape, wide.dtype)
        for code, new in after.items():
            changed[before == code] = new
        wide[mask] = changed
        return wide

    def _code(self, classes: frozenset[str]) -> int:
        if classes not in self._codes:
            self._codes[classes], self._classes[self._next] = self._next, classes
            self._next += 1
        return self._codes[classes]


def find_masks(folder: Path, names: tuple[str, ...], *, all_needed: bool) -> dict[str, Path]:
    """Map each of the classes ``names`` that has a mask in ``folder`` to its file.

    Raises:
        InputError: ``folder`` holds no volume, two files of one name, or lacks a mask where ``all_needed``.
    """
    found = list_volumes(folder)
    if all_needed and (lacking := [name for name in names if name not in found]):
        raise InputError(
            f"{folder} has no mask of {len(lacking)} of {len(names)} classes: {some(lacking)}; every case needs a "
            "mask of every class, an empty one where the class is absent; add the files, name fewer classes with "
            "--labels, score masks that a prediction lacks as 0 with --missing worst, or, if the folder holds a "
            "label map, give a pattern such as 'ROOT/{case}/segmentation.nii.gz'."
        )
    return {name: found[name] for name in names if name in found}


def refuse_further_masks(folder: Path, names: tuple[str, ...]) -> None:
    """Raise an :class:`InputError` if the ``folder`` of a prediction has a mask of none of the classes ``names``."""
    if further := [name for name in list_volumes(folder) if name not in names]:
        raise InputError(
            f"{folder} has {count(further, 'mask', 'masks')} without a reference: {some(further)}; every mask needs "
            "one; remove them, or name the classes to score with --labels."
        )


def combine_masks(
    masks: Mapping[str, Path],
    read: Callable[[Path], LabelArray],
    shape: tuple[int, int, int],
    codes: MaskCodes,
) -> LabelArray:
    """Make one map ``(X, Y, Z)`` of masks that may overlap; one mask is in memory at a time.

    Args:
        masks: Class -> file.
        read: Reads a file as ``(X, Y, Z)``.
        shape: Of the map; without masks it is empty.
        codes: What stands for each combination of classes; new combinations are added.

    Raises:
        InputError: A file cannot be read or is no binary mask.
    """
    found: LabelArray = np.zeros(shape, np.uint8, order="F")
    for name, path in masks.items():
        found = codes.add(found, _binary(read(path), path), name)
    return found


def _binary(array: LabelArray, path: Path) -> BoolArray:
    inside: BoolArray = array != 0
    value = array.max() or array.min()
    if value != 0 and np.count_nonzero(array == value) != np.count_nonzero(inside):
        values = [str(value) for value in count_values(array)]
        raise InputError(
            f"{path} is no binary mask: it holds the values {some(values)}; a mask has 0 and one other value; save "
            "each class in a file of its own; or, if it is a label map, leave --binary out and put all into one "
            "folder or give a pattern such as 'ROOT/{case}/segmentation.nii.gz'."
        )
    return inside
