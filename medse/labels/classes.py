"""The classes of a data set: values in files, indices in the network; and reading them from a dataset.json."""

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unicodedata import category

import numpy as np

from medse.arrays import LabelArray
from medse.errors import InputError, some
from medse.files import read_json
from medse.labels.value_counts import count_values

BACKGROUND, IGNORE = "background", "ignore"
"""Names in a mapping that make no class."""
LARGEST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Labels:
    """The foreground classes of a task, in a fixed order; background is value 0 and index 0.

    Attributes:
        names: Class names, one per foreground class.
        values: The value of each class in files; need not be consecutive.
        merged: Further values that are read as each class and written as its value; empty for none at all.
        background: Further values that are read as background and written as 0.
        ignored: Values of voxels that count neither in training nor in scores; never written.
    """

    names: tuple[str, ...]
    values: tuple[int, ...]
    merged: tuple[tuple[int, ...], ...] = ()
    background: tuple[int, ...] = ()
    ignored: tuple[int, ...] = ()

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, int | Sequence[int]], source: str) -> "Labels":
        """Build from ``{name: value}``, where a list of values is one class, written as the first of them.

        The name with value 0 (or 0 in its list) is the background; values named ``ignore`` are ignored.

        Raises:
            InputError: A value is given twice or is no whole number from 0 on, a list is empty, background
                lacks 0, or no class remains.
        """
        entries = {name: _read_values(name, given, source) for name, given in mapping.items()}
        owner: dict[int, str] = {}
        for name, values in entries.items():
            for value in values:
                if (other := owner.setdefault(value, name)) != name:
                    raise InputError(
                        f"{source} gives value {value} to {other} and {name}; regions that overlap are not "
                        "supported; make the lists disjoint."
                    )
        background: tuple[int, ...] = ()
        ignored: tuple[int, ...] = ()
        classes = []
        for name, values in entries.items():
            kind = name.casefold()
            if kind == IGNORE and 0 not in values:
                ignored += values
            elif kind != IGNORE and 0 in values:
                background = tuple(sorted(set(values) - {0}))
            elif kind in (BACKGROUND, IGNORE):
                raise InputError(
                    f"{source} gives {name} the values {reprlib.repr(list(values))}; 0 is always background "
                    f"and never ignored; write background: [0, ...] and keep 0 out of ignore."
                )
            else:
                classes.append((values[0], name, tuple(sorted(values[1:]))))
        if not classes:
            given = reprlib.repr(dict(mapping))
            raise InputError(
                f"{source} needs at least one class with a value above 0; it has {given}; add one."
            )
        values, names, merged = zip(*sorted(classes), strict=True)
        return cls(names, values, merged if any(merged) else (), background, tuple(sorted(ignored)))

    def to_mapping(self) -> dict[str, int | list[int]]:
        """Return what :meth:`from_mapping` makes these labels of."""
        merged = self.merged or ((),) * len(self.values)
        lists = {BACKGROUND: [0, *self.background]}
        lists |= {n: [v, *more] for n, v, more in zip(self.names, self.values, merged, strict=True)}
        lists |= {IGNORE: list(self.ignored)} if self.ignored else {}
        return {name: values if len(values) > 1 else values[0] for name, values in lists.items()}

    @property
    def classes(self) -> int:
        """Number of classes including background."""
        return len(self.values) + 1

    @property
    def ignore_index(self) -> int:
        """Index of ignored voxels: one past the last class."""
        return self.classes

    @property
    def dtype(self) -> np.dtype[np.integer]:
        """The smallest integer type that label files of this task fit in."""
        top = max(self.values)
        return np.dtype(next(t for t in (np.uint8, np.int16, np.int32, np.int64) if top <= np.iinfo(t).max))

    @property
    def indices(self) -> dict[int, int]:
        """Class index of every declared value, in ascending order of the values."""
        found = dict.fromkeys((0, *self.background), 0) | dict.fromkeys(self.ignored, self.ignore_index)
        for index, value in enumerate(self.values, start=1):
            found |= dict.fromkeys((value, *(self.merged[index - 1] if self.merged else ())), index)
        return dict(sorted(found.items()))

    def encode(self, array: LabelArray, source: str) -> LabelArray:
        """Map file values to class indices 0..K-1, ignored ones to K; refuse what is not declared."""
        largest = np.iinfo(array.dtype).max
        known = {value: index for value, index in self.indices.items() if value <= largest}
        table = np.array(list(known), dtype=array.dtype)
        position = np.searchsorted(table, array)
        position[position == len(table)] = 0
        wrong = table[position] != array
        if wrong.any():
            raise InputError(self.describe_undeclared(count_values(array[wrong]), source))
        small = self.ignore_index <= np.iinfo(np.uint8).max
        indices: LabelArray = np.array(list(known.values()), dtype=np.uint8 if small else np.int16)
        return indices[position]

    def decode(self, indices: LabelArray) -> LabelArray:
        """Map class indices 0..K-1 back to file values, in the smallest integer type."""
        return np.array([0, *self.values], dtype=self.dtype)[indices]

    def describe_undeclared(self, undeclared: Mapping[int, int], source: str) -> str:
        """Return the sentence on undeclared values of ``source``, given with their voxel counts."""
        first = min(undeclared)
        shown = some([f"{value} ({voxels} voxels)" for value, voxels in sorted(undeclared.items())])
        known = list(self.indices)
        several = f"0 and {len(known) - 1} values from {known[1]} to {known[-1]}"
        declared = ", ".join(map(str, known)) if len(known) <= 20 else several
        return (
            f"{source} holds undeclared label values: {shown}; declared are {declared}; name them in "
            f"data.labels (a class of their own, background: [0, {first}] or ignore: [{first}]) or "
            "correct the file."
        )


def _read_values(name: str, given: object, source: str) -> tuple[int, ...]:
    """Return the values of one entry of a mapping."""
    values = tuple(given) if isinstance(given, list | tuple) else (given,)
    sound = all(type(value) is int and 0 <= value <= LARGEST for value in values)
    named = name.strip() and not any(category(letter) == "Cc" for letter in name)
    if not values or not sound or len(set(values)) < len(values) or not named:
        raise InputError(
            f"{source} gives {name!r} the value {reprlib.repr(given)}; every class needs a name in one line and a "
            f"whole number from 0 to {LARGEST}, or a list of different ones; correct it."
        )
    return values


def read_dataset_labels(path: Path) -> Labels:
    """Read the classes of a ``dataset.json``, in MSD (``{"1": "a"}``) or nnU-Net (``{"a": 1, "b": [2, 3]}``) form.

    Raises:
        InputError: The file cannot be read or its labels are not such a mapping.
    """
    labels = read_dataset_json(path).get("labels")
    if not isinstance(labels, dict):
        raise InputError(f'{path} has no "labels"; expected a mapping such as {{"1": "tumour"}}; add it.')
    mapping: dict[str, Any] = {}
    for key, value in labels.items():
        name, given = (value, key) if isinstance(value, str) and _is_number(key) else (key, value)
        if isinstance(given, str):
            if not _is_number(given):
                raise InputError(
                    f'{path}: label {key!r}: {value!r} is not of the form "1": "tumour" or "tumour": 1; correct it.'
                )
            given = int(given)
        if name in mapping:
            raise InputError(f"{path} names class {name!r} twice; give each class its own name.")
        mapping[name] = given
    return Labels.from_mapping(mapping, str(path))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20


def read_dataset_json(path: Path) -> dict[str, Any]:
    """Return the contents of a ``dataset.json``."""
    return read_json(
        path, "expected an MSD data set, or another with a dataset.json; correct the path or the file"
    )
