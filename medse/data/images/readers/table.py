"""Reader of a table of images with the names of their classes."""

import re
from collections.abc import Sequence
from pathlib import Path

from medse.data.images.cases import TEST, ImageCase, ImageDataset, image_dataset
from medse.data.readers.case_table import given_folds, ids_of
from medse.data.readers.csv_table import Row, Table, read_table
from medse.data.readers.listing import existing
from medse.errors import InputError, Refusals, some
from medse.files import given_path
from medse.volumes.names import IMAGES, case_ids, list_folder, located

INDEX = re.compile("[0-9]{1,6}")


def read_image_table(
    root: Path,
    classes: Sequence[str] | None,
    *,
    file: str = "cases.csv",
    image: str = "image",
    label: str = "label",
    mask: str = "mask",
    group: str = "group",
    split: str = "split",
    slice: str = "slice",
    case: str = "case",
) -> ImageDataset:
    """A table with a row per image: its path, the name of its class, and optionally mask, group, split, slice and id.

    Without ids a case is named after its image, or, where file names repeat, after a folder above it; slices of a
    volume have their index behind it.

    Args:
        root: What the paths are relative to.
        classes: Names of the classes in order; None for those in the table.
        image: Column of the paths of images.
        label: Column of the names of classes; numbers are names too.
        mask: Column of the paths of outlines, which may be empty.
        group: Column of what must not be split, usually the patient; without it each file is its own group.
        split: Column of ``train``, ``validation`` or ``test``, or of the number of the fold, from 0, that
            validates on the image; without it, folds are dealt, or among ``train`` where there is only ``test``
            beside.
        slice: Column of indices of slices of volumes, which may be empty.
        case: Column of case ids.
    """
    if not (root / given_path(file)).exists() and (folders := [p for p in list_folder(root) if p.is_dir()]):
        raise InputError(
            f"{root / given_path(file)} does not exist, and {root} holds the folders "
            f"{some([folder.name for folder in folders])}; a table is expected, or with data.format=class_folders a "
            "folder for each class; add the table (data.format.file), or give that format."
        )
    table = read_table(root / given_path(file))
    image_column, label_column = table.require(image, "image"), table.require(label, "label")
    mask_column = table.optional(mask, "mask", "mask")
    group_column = table.optional(group, "group", "group")
    split_column = table.optional(split, "split", "split")
    slice_column = table.optional(slice, "slice", "slice")
    slices = [_index(row, slice_column) for row in table.rows]
    ids, files = _ids(table, root, image_column, case, slices)
    groups = files if group_column is None else [row[group_column] for row in table.rows]
    folds = given_folds(table, split_column, ids, groups, without_validation=True)
    cases, refused = [], Refusals()
    for row, name, of, index, fold in zip(table.rows, ids, groups, slices, folds, strict=True):
        with refused:
            outline = row.cells[mask_column] if mask_column else ""
            listed = ImageCase(
                id=name,
                image=existing(root, row[image_column], row.place),
                label=row[label_column],
                group=of,
                mask=existing(root, outline, row.place) if outline else None,
                slice=index,
                fold=TEST if fold == "test" else fold,
            )
            cases.append((row.place, listed))
    refused.raise_any()
    return image_dataset(root.name, classes, cases, str(table.path), root)


def list_images(root: Path, file: str, image: str, slice: str, case: str) -> list[tuple[str, ImageCase]]:
    """Return the images of a table whose classes are not known, each with the place where it is listed.

    Args:
        root: What the paths are relative to.
        file: The table, relative to ``root``.
        image: As of :func:`read_image_table`, like the columns that follow.
    """
    table = read_table(root / given_path(file))
    column, slice_column = table.require(image, "image"), table.optional(slice, "slice", "slice")
    slices = [_index(row, slice_column) for row in table.rows]
    ids, _ = _ids(table, root, column, case, slices)
    return [
        (row.place, ImageCase(name, existing(root, row[column], row.place), "", name, slice=index))
        for row, name, index in zip(table.rows, ids, slices, strict=True)
    ]


def _index(row: Row, column: str | None) -> int | None:
    text = row.cells[column] if column else ""
    if text and not INDEX.fullmatch(text):
        raise InputError(
            f"{row.place} has {text!r} in column {column!r}; the index of a slice, from 0, is expected, or nothing; "
            "correct the cell."
        )
    return int(text) if text else None


def _ids(
    table: Table, root: Path, image: str, case: str, slices: Sequence[int | None]
) -> tuple[list[str], list[str]]:
    """Return the id of each row, and what is alike for those of one file."""
    if not any(index is not None for index in slices):
        ids = ids_of(table, root, image, case, IMAGES)
        return ids, ids
    paths = [located(root / given_path(row[image])) for row in table.rows]
    first: dict[tuple[Path, int | None], Row] = {}
    for path, index, row in zip(paths, slices, table.rows, strict=True):
        if (other := first.setdefault((path, index), row)) is not row:
            raise InputError(
                f"{other.place} and {row.place} list slice {index} of {path}; an image counts once; remove one row."
            )
    files = list(dict.fromkeys(paths))
    places = [
        next(row.place for p, row in zip(paths, table.rows, strict=True) if p == file) for file in files
    ]
    of_file = dict(zip(files, case_ids(files, places, IMAGES), strict=True))
    names = [of_file[path] for path in paths]
    if table.optional(case, "case", "case") is not None:
        return ids_of(table, root, image, case, IMAGES), names
    return [
        name if index is None else f"{name}_{index:03}" for name, index in zip(names, slices, strict=True)
    ], names
