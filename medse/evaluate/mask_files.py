"""A binary mask per class: ``ROOT/CASE/liver.nii.gz`` or ``ROOT/CASE/segmentations/liver.nii.gz``."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from medse.arrays import BoolArray, LabelArray
from medse.errors import InputError, count, some
from medse.evaluate.mask_codes import MaskCodes
from medse.metrics.value_counts import count_values
from medse.volumes.name_patterns import list_folder
from medse.volumes.names import list_volumes, suffix_of

SEGMENTATIONS = "segmentations"
"""Folder of a case that holds its masks, where there is one; what lies beside it is left out."""


def find_mask_folders(root: Path) -> dict[str, Path]:
    """Map case id to the folder with its masks, sorted.

    Folders without volumes are left out. A ``root`` with volumes directly in it is a folder of label maps: none.

    Raises:
        InputError: A folder cannot be listed.
    """
    if _holds_volumes(root):
        return {}
    folders = {path.name: path for path in list_folder(root) if path.is_dir()}
    inner = {case: path / SEGMENTATIONS for case, path in folders.items()}
    masks = {case: inner[case] if inner[case].is_dir() else path for case, path in folders.items()}
    return {case: path for case, path in masks.items() if _holds_volumes(path)}


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
            "--labels, or score masks that a prediction lacks as 0 with --missing worst."
        )
    return {name: found[name] for name in names if name in found}


def refuse_further_masks(folder: Path, names: tuple[str, ...]) -> None:
    """Raise if the ``folder`` of a prediction has a mask of none of the classes ``names``.

    Raises:
        InputError: It has, or cannot be listed.
    """
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
            "each class in a file of its own, or put label maps directly into one folder."
        )
    return inside


def _holds_volumes(folder: Path) -> bool:
    return any(suffix_of(path) and path.is_file() for path in list_folder(folder))
