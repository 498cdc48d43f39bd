"""Reading the classes from a ``dataset.json``."""

from pathlib import Path
from typing import Any

from medse.errors import InputError
from medse.files import read_json
from medse.labels.classes import Labels


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
    """Return the contents of a ``dataset.json``.

    Raises:
        InputError: It is missing, not JSON, names a key twice, or is not a mapping.
    """
    return read_json(path, "expected an MSD data set, or another with a dataset.json; correct the path")
