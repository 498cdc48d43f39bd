"""Folds that a table of cases prescribes."""

import re
from collections.abc import Sequence
from typing import Literal

from medse.data.cases import TRAINING_ONLY
from medse.data.readers.csv_table import Table
from medse.errors import InputError, nearest

Fold = int | Literal["test"] | None
WORDS: dict[str, Fold] = {"train": TRAINING_ONLY, "validation": 0, "test": "test"}
NUMBER = re.compile("[0-9]{1,4}")


def given_folds(table: Table, split: str | None, ids: Sequence[str], groups: Sequence[str]) -> Sequence[Fold]:
    """Return for each row the fold that validates on it, or ``test``.

    With words there is one fold, 0. With numbers every case is validated on once.

    Args:
        table: The table.
        split: The column of words or numbers; None for a table without, where folds are dealt.
        ids: The case of each row.
        groups: The group of each row.

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
    needed = ["train", "validation"] if words else range(max(2, *(int(row[split]) + 1 for row in numbers)))
    given = {row[split] for row in words} | {int(row[split]) for row in numbers}
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
