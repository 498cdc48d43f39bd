"""A case to score: its label maps on one grid, and which values belong to which class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medse.arrays import LabelArray
from medse.errors import InputError
from medse.evaluate.cases import CaseFiles
from medse.evaluate.classes import check_declared, clear_ignored, found_members, named_members
from medse.evaluate.masks import MaskCodes, combine_masks, find_masks, refuse_further_masks
from medse.labels import Labels
from medse.labels.value_counts import MOST_BINS
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.names import PICTURES, suffix_of
from medse.volumes.reading import read_label_grid, read_label_map
from medse.volumes.regridding import onto_grid

Side = Path | dict[str, Path]
"""The file of a label map, or class -> file of its mask."""


@dataclass(frozen=True)
class CaseMaps:
    """The voxels of a case.

    Attributes:
        reference: ``(X, Y, Z)``, values as in the file, or numbers of the combinations of masks; 0 where nothing
            is, and where the reference is ignored.
        prediction: The same, with the same numbers.
        grid: Of the reference; that of its first mask where it has several.
        picture: Whether the reference is a picture, whose pixels have no size.
        members: Class -> values that belong to it in both maps; classes may overlap.
        geometry_fixed: Whether a file had another affine and was given that of the grid.
        resampled: Whether the prediction lay on another grid and was brought onto that of the reference.
        missing: Whether the prediction, or a mask of it, is missing and counts as empty.
        absent: Classes of whose masks the prediction lacks the file; none where it is a label map, or missing.
    """

    reference: LabelArray
    prediction: LabelArray
    grid: Grid
    picture: bool
    members: dict[str, frozenset[int]]
    geometry_fixed: bool
    resampled: bool
    missing: bool
    absent: frozenset[str]


@dataclass
class Alignment:
    """Reads label maps onto one grid and remembers what that took.

    Attributes:
        copy_affine: Let maps with another affine take that of the grid.
        resample: Bring maps on another grid onto it: every voxel takes the value of the nearest of the map's, or 0
            beyond its border.
    """

    grid: Grid
    copy_affine: bool
    resample: bool
    geometry_fixed: bool = False
    resampled: bool = False

    def read(self, path: Path) -> LabelArray:
        """Read a label map as ``(X, Y, Z)`` on the grid.

        Raises:
            InputError: It cannot be read, or lies on another grid and may not be moved or cannot be.
        """
        array, other = read_label_map(path)
        try:
            self.geometry_fixed |= check_same_grid(self.grid, other, copy_affine=self.copy_affine)
        except InputError:
            if not self.resample:
                raise
        else:
            return array
        for grid in (self.grid, other):
            if not grid.oriented:
                raise InputError(
                    f"{path} lies on another grid than {self.grid.source} and cannot be resampled, because "
                    f"{grid.source} does not say where its voxels lie; both need an affine; correct the header or "
                    "save the prediction on the grid of the reference."
                )
        self.resampled = True
        target = self.grid.spatial_shape, self.grid.affine
        return onto_grid(target, array, other.affine, order=0, mode="grid-constant")


def read_case(
    files: CaseFiles,
    labels: Labels | None,
    *,
    copy_affine: bool,
    resample: bool,
    mask_names: tuple[str, ...] | None,
    binary: bool = False,
) -> CaseMaps:
    """Read a case as two maps ``(X, Y, Z)`` on the grid of its reference.

    Masks and a label map go together where ``labels`` names the classes of the map as the masks are named.

    Args:
        labels: The classes; without them every value found, or every mask, is one. Only masks that bear the name
            of a class are read then.
        copy_affine: Let files with another affine take that of the reference.
        resample: Bring a prediction on another grid onto that of the reference; not together with
            ``copy_affine``.
        mask_names: Classes of all cases where references are masks, else None.
        binary: Whether label maps are masks of the one class that there is: all that is not 0 belongs to it.

    Raises:
        InputError: A file is missing, unreadable, on another grid, holds an undeclared value or is no binary mask;
            the prediction has a mask that no reference has, or ignores what counts; or one is a label map and
            the other are masks, without ``labels``.
    """
    names = labels.names if labels else mask_names or ()
    reference_side = _side(files.reference, names, binary, all_needed=True)
    prediction_side = _side(files.prediction, names, binary, all_needed=not files.absent_masks_empty)
    if labels is None and not binary:
        _refuse_unnamed(files, names)
    codes = _mask_codes(labels, names)
    first = reference_side if isinstance(reference_side, Path) else next(iter(reference_side.values()))
    grid = read_label_grid(first)
    still, moved = Alignment(grid, copy_affine, resample=False), Alignment(grid, copy_affine, resample)
    reference = _read(reference_side, still, labels, codes)
    prediction = _read(prediction_side, moved, labels, codes)
    members = codes.members
    if labels:
        members = {name: values | members[name] for name, values in named_members(labels).items()}
    else:
        both = ((reference, reference_side), (prediction, prediction_side))
        members |= found_members([(array, side) for array, side in both if isinstance(side, Path)])
    if labels and labels.ignored:
        reference, prediction = clear_ignored(reference, prediction, labels, str(files.prediction))
    return CaseMaps(
        reference,
        prediction,
        grid,
        suffix_of(first) in PICTURES,
        members,
        geometry_fixed=still.geometry_fixed or moved.geometry_fixed,
        resampled=moved.resampled,
        missing=not isinstance(prediction_side, Path) and len(prediction_side) < max(1, len(names)),
        absent=frozenset()
        if isinstance(prediction_side, Path)
        else frozenset(names) - prediction_side.keys(),
    )


def class_indices(array: LabelArray, members: Sequence[frozenset[int]]) -> LabelArray:
    """Return which of ``members`` each value of ``array`` is in: 0 for none, 1 for the first; a later one wins."""
    index = {value: k for k, values in enumerate(members, start=1) for value in values}
    dtype = np.min_scalar_type(len(members))
    if array.min() >= 0 and (top := int(array.max())) < MOST_BINS:
        return np.array([index.get(value, 0) for value in range(top + 1)], dtype)[array]
    values, positions = np.unique(array, return_inverse=True)
    return np.array([index.get(value, 0) for value in values.tolist()], dtype)[positions].reshape(array.shape)


def _side(path: Path | None, names: tuple[str, ...], binary: bool, *, all_needed: bool) -> Side:
    """Return what there is to read; no masks of a prediction that is missing."""
    if path is None:
        return {}
    if path.is_dir():
        return find_masks(path, names, all_needed=all_needed)
    return {names[0]: path} if binary else path


def _refuse_unnamed(files: CaseFiles, names: tuple[str, ...]) -> None:
    """Raise unless label maps are compared with label maps and masks with the same masks."""
    if files.prediction is None:
        return
    if files.reference.is_dir() != files.prediction.is_dir():
        pair = (files.reference, files.prediction)
        label_map, masks = sorted(pair, key=Path.is_dir)
        raise InputError(
            f"{label_map} is a label map and {masks} a folder of masks; without names of the values nothing says "
            "which belong together; name the classes as the masks are named with --labels, or, if the folder holds a "
            "label map beside other files, give a pattern such as 'ROOT/{case}/segmentation.nii.gz'."
        )
    if files.prediction.is_dir():
        refuse_further_masks(files.prediction, names)


def _mask_codes(labels: Labels | None, names: tuple[str, ...]) -> MaskCodes:
    """Number masks by the values of their classes where these have some, so that they go with label maps."""
    if labels is None:
        return MaskCodes({name: number for number, name in enumerate(names, start=1)}, len(names) + 1)
    return MaskCodes(dict(zip(labels.names, labels.values, strict=True)), max(labels.indices) + 1)


def _read(side: Side, alignment: Alignment, labels: Labels | None, codes: MaskCodes) -> LabelArray:
    if not isinstance(side, Path):
        return combine_masks(side, alignment.read, alignment.grid.spatial_shape, codes)
    array = alignment.read(side)
    if labels:
        check_declared(array, labels, side)
    return array
