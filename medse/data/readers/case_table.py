"""Reader of a table of cases."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from medse.data.cases import TRAINING_ONLY, Case, Dataset
from medse.data.readers.csv_table import Row, Table, read_table
from medse.data.readers.listing import Channels, existing, gather, given_labels, named_channels
from medse.errors import InputError, nearest
from medse.files import given_path
from medse.labels import Labels
from medse.volumes.names import SUFFIXES, case_ids, check_id


def read_csv(
    root: Path,
    labels: Labels | None,
    *,
    file: str = "cases.csv",
    images: Annotated[tuple[str, ...], Field(min_length=1)] | None = None,
    label: str = "label",
    group: str = "group",
    split: str = "split",
    stratum: str | None = None,
    case: str = "case",
    channels: Channels | None = None,
) -> Dataset:
    """A table with a row per case: paths of images and label map, and optionally its id, group, split and stratum.

    Without ids a case is named after its first image, or, where file names repeat, after a folder above it.

    Args:
        root: What the paths are relative to.
        images: A column of paths for each channel, or one of files that hold all; None for ``image`` and, where they
            are there, ``image2``, ``image3``, ...
        label: Column of the paths of label maps.
        group: Column of what must not be split, usually the patient; without it each case is its own group.
        split: Column of ``train``, ``validation`` or ``test`` (these are not read), or of the number of the fold,
            from 0, that validates on the case; without it folds are dealt.
        stratum: Column of what folds should hold equal shares of, usually the diagnosis.
        case: Column of case ids.
        channels: Names of the channels; None for one per column, named after it.
    """
    table = read_table(root / given_path(file))
    named = given_labels(labels, str(table.path))
    columns = image_columns(table, images)
    channel_names = named_channels(channels, columns)
    paths = (*columns, table.require(label, "label"))
    if repeated := [column for column in paths if paths.count(column) > 1]:
        raise InputError(
            f"{table.path}: column {repeated[0]!r} is to hold two of the files of a case; each channel and the label "
            "have their own columns; correct data.format."
        )
    group_column = table.optional(group, "group", "group")
    split_column = table.optional(split, "split", "split")
    stratum_column = stratum and table.require(stratum, "stratum")
    ids = ids_of(table, root, columns[0], case)
    groups = ids if group_column is None else [row[group_column] for row in table.rows]
    folds = given_folds(table, split_column, ids, groups)
    cases = []
    for row, name, of, fold in zip(table.rows, ids, groups, folds, strict=True):
        if fold != "test":
            *files, label_file = (existing(root, row[column], row.place) for column in paths)
            cases.append(
                Case(name, tuple(files), label_file, of, row[stratum_column] if stratum_column else "", fold)
            )
    return Dataset(root.name, channel_names, named, gather(cases, str(table.path), root))


def image_columns(table: Table, images: tuple[str, ...] | None) -> tuple[str, ...]:
    """Return the columns of image paths: ``images``, or where that is None those found."""
    return _numbered(table) if images is None else tuple(table.require(name, "images") for name in images)


def ids_of(table: Table, root: Path, image: str, case: str, known: Collection[str] = SUFFIXES) -> list[str]:
    """Return the case id of each row: that in column ``case`` if there is one, else after the file in ``image``."""
    if (column := table.optional(case, "case", "case")) is None:
        files = [root / given_path(row[image]) for row in table.rows]
        return case_ids(files, [row.place for row in table.rows], known)
    first: dict[str, Row] = {}
    for row in table.rows:
        name = row[column]
        check_id(name, row.place)
        if (other := first.setdefault(name, row)) is not row:
            raise InputError(
                f"{row.place} and {other.place} give two cases the id {name!r} in column {column!r}; ids must be "
                "unique; correct one of them or remove the row."
            )
    return list(first)


def _numbered(table: Table) -> tuple[str, ...]:
    """Return ``image``, ``image2``, ``image3``, ... as far as they are there."""
    channels = [table.require("image", "images")]
    while (column := f"image{len(channels) + 1}") in table.columns:
        channels.append(column)
    alike = [name for name in table.columns if re.fullmatch(r"(?i)images?[\s_.-]*\d*", name)]
    if strangers := [name for name in alike if name not in channels]:
        raise InputError(
            f"{table.path} has the columns {' and '.join(channels)} and also {strangers[0]!r}; expected image, "
            "image2, image3 and so on without a gap; rename the column or list those to use as data.format.images."
        )
    return tuple(channels)


Fold = int | Literal["test"] | None
WORDS: dict[str, Fold] = {"train": TRAINING_ONLY, "validation": 0, "test": "test"}
NUMBER = re.compile("[0-9]{1,4}")


def given_folds(
    table: Table,
    split: str | None,
    ids: Sequence[str],
    groups: Sequence[str],
    *,
    without_validation: bool = False,
) -> Sequence[Fold]:
    """Return for each row the fold that validates on it, or ``test``.

    With words there is one fold, 0. With numbers every case is validated on once. Without a column ``split`` folds
    are dealt.

    Args:
        without_validation: Let ``train`` and ``test`` be the only words: folds are dealt among what is trained on.

    Raises:
        InputError: A cell is neither a word nor a number, both occur, numbers leave a gap, nothing is validated on
            or trained on, or a group lies in two parts.
    """
    if split is None:
        return [None] * len(table.rows)
    folds = [_fold(row[split], row.place, split) for row in table.rows]
    words = [row for row in table.rows if row[split] in WORDS]
    numbers = [row for row in table.rows if row[split] not in WORDS]
    if words and numbers:
        raise InputError(
            f"{words[0].place} has {words[0][split]!r} and {numbers[0].place} has {numbers[0][split]!r} in column "
            f"{split!r}; expected words in all rows or fold numbers in all rows; correct the column."
        )
    needed: Sequence[str | int] = (
        ["train", "validation"] if words else range(max(2, *(int(row[split]) + 1 for row in numbers)))
    )
    given = {row[split] for row in words} | {int(row[split]) for row in numbers}
    if without_validation and given == {"train", "test"}:
        needed, folds = ["train"], [None if fold == TRAINING_ONLY else fold for fold in folds]
    if lacking := [value for value in needed if value not in given]:
        raise InputError(
            f"{table.path} has no row with {lacking[0]!r} in column {split!r}; expected train and validation, or "
            "fold numbers from 0 without a gap; correct the column."
        )
    first: dict[str, int] = {}
    for i, group in enumerate(groups):
        j = first.setdefault(group, i)
        if folds[i] != folds[j]:
            one, other = table.rows[j], table.rows[i]
            raise InputError(
                f"{one.place} has case {ids[j]!r} of group {group!r} in {_part(one[split])}, and {other.place} has "
                f"case {ids[i]!r} of the same group in {_part(other[split])}; a group must not be split; correct "
                f"column {split!r}."
            )
    return folds


def _part(text: str) -> str:
    return text if text in WORDS else f"fold {int(text)}"


def _fold(text: str, place: str, split: str) -> Fold:
    if text in WORDS:
        return WORDS[text]
    if NUMBER.fullmatch(text):
        return int(text)
    raise InputError(
        f"{place} has {text!r} in column {split!r};{nearest(text, WORDS)} expected {', '.join(WORDS)}, or the number "
        "of a fold from 0; correct the cell."
    )
