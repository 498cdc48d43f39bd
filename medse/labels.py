"""Which value in a label file means which class."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from medse.errors import InputError

LabelArray = npt.NDArray[np.integer]


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
    def from_mapping(cls, mapping: Mapping[str, int], source: str) -> "Labels":
        """Build from ``{name: value}``; an entry of value 0 is the background and is dropped.

        Raises:
            InputError: Two names share a value, a value is negative, or no foreground class remains.
        """
        entries = sorted(((value, name) for name, value in mapping.items() if value != 0))
        values = [value for value, _ in entries]
        repeated = sorted({value for value in values if values.count(value) > 1})
        if repeated:
            names = [name for value, name in entries if value == repeated[0]]
            raise InputError(
                f"{source} gives value {repeated[0]} to {' and '.join(names)}; give each class its own value."
            )
        if not entries or values[0] < 0:
            given = dict(mapping)
            raise InputError(f"{source} needs at least one class with a value above 0; it has {given}.")
        return cls(tuple(name for _, name in entries), tuple(values))

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

    def encode(self, array: LabelArray, source: str) -> LabelArray:
        """Map file values to class indices 0..K-1.

        Raises:
            InputError: ``array`` holds a value that is not declared.
        """
        table = np.array([0, *self.values])
        position = np.searchsorted(table, array)
        position[position == len(table)] = 0
        wrong = table[position] != array
        if wrong.any():
            values, counts = np.unique(array[wrong], return_counts=True)
            shown = ", ".join(f"{v} ({n} voxels)" for v, n in zip(values[:5], counts[:5], strict=True))
            more = f" and {len(values) - 5} more" if len(values) > 5 else ""
            several = f"0 and {len(self.values)} values from {self.values[0]} to {self.values[-1]}"
            declared = ", ".join(map(str, (0, *self.values))) if len(self.values) < 20 else several
            raise InputError(
                f"{source} holds undeclared label values: {shown}{more}; declared are {declared}; "
                "add the missing classes to the labels or correct the file."
            )
        return position.astype(np.uint8 if self.classes <= 256 else np.int16)

    def decode(self, indices: LabelArray) -> LabelArray:
        """Map class indices 0..K-1 back to file values, in the smallest integer type."""
        return np.array([0, *self.values], dtype=self.dtype)[indices]


def read_dataset_labels(path: Path) -> Labels:
    """Read the classes of a ``dataset.json``, in MSD (``{"1": "a"}``) or nnU-Net (``{"a": 1}``) form.

    Raises:
        InputError: The file cannot be read or its labels are not such a mapping.
    """
    labels = read_dataset_json(path).get("labels")
    if not isinstance(labels, dict):
        raise InputError(f'{path} has no "labels"; expected a mapping such as {{"1": "tumour"}}.')
    mapping: dict[str, int] = {}
    for key, value in labels.items():
        name, number = (str(value), str(key)) if str(key).isdigit() else (str(key), str(value))
        if not number.isdigit():
            raise InputError(f'{path}: label {key!r}: {value!r} is not of the form "1": "tumour".')
        if name in mapping:
            raise InputError(f"{path} names class {name!r} twice; give each class its own name.")
        mapping[name] = int(number)
    return Labels.from_mapping(mapping, str(path))


def read_dataset_json(path: Path) -> dict[str, object]:
    """Return the contents of a ``dataset.json``.

    Raises:
        InputError: It is missing, not JSON, or not a mapping.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; expected an MSD data set with a dataset.json.") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); correct the file.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {type(content).__name__}; expected a JSON object.")
    return content
