"""Values in files, indices in the network."""

import json
from pathlib import Path

import numpy as np
import pytest

from medse.errors import InputError
from medse.labels import Labels, read_dataset_labels


def test_values_become_indices_and_come_back() -> None:
    labels = Labels.from_mapping({"background": 0, "b": 300, "a": 4}, "x")
    assert (labels.names, labels.values, labels.classes) == (("a", "b"), (4, 300), 3)
    array = np.array([[0, 4], [300, 4]])
    indices = labels.encode(array, "x")
    np.testing.assert_array_equal(indices, [[0, 1], [2, 1]])
    np.testing.assert_array_equal(labels.decode(indices), array)
    assert labels.decode(indices).dtype == np.int16


@pytest.mark.parametrize(("top", "dtype"), [(255, np.uint8), (256, np.int16), (40_000, np.int32)])
def test_files_use_the_smallest_type(top: int, dtype: type) -> None:
    assert Labels(("a",), (top,)).dtype == dtype


def test_undeclared_values_are_named_and_counted() -> None:
    labels = Labels(("a", "b"), (1, 5))
    with pytest.raises(
        InputError, match=r"f.nii holds undeclared label values: 2 \(3 voxels\), 9 \(1 voxels\)"
    ):
        labels.encode(np.array([0, 1, 2, 2, 2, 5, 9]), "f.nii")
    with pytest.raises(InputError, match=r"-1 \(1 voxels\)"):
        labels.encode(np.array([0, -1]), "f.nii")


def test_both_forms_of_dataset_json(tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    for form in ({"0": "background", "2": "a", "7": "b"}, {"background": 0, "a": 2, "b": 7}):
        path.write_text(json.dumps({"labels": form}))
        assert read_dataset_labels(path) == Labels(("a", "b"), (2, 7))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "holds list; expected a JSON object"),
        ("{}", 'has no "labels"'),
        ('{"labels": {"1": "a", "2": "a"}}', "names class 'a' twice"),
        ('{"labels": {"a": 1, "b": 1}}', "gives value 1 to a and b"),
        ('{"labels": {"a": "x"}}', "is not of the form"),
        ('{"labels": {"background": 0}}', "needs at least one class"),
    ],
)
def test_bad_dataset_json_is_explained(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_dataset_labels(path)
