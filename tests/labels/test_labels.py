"""Values in files, indices in the network."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medse.errors import InputError
from medse.labels import Labels, read_dataset_labels

LARGEST = 2**63 - 1
FULL = {"b": [300, 7, 12], "background": [0, 9, 2], "a": 4, "ignore": [255, 254]}


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
    with pytest.raises(InputError, match=r"f.nii holds undeclared label values: 2 \(3 voxels\), 9 \(1"):
        labels.encode(np.array([0, 1, 2, 2, 2, 5, 9]), "f.nii")
    with pytest.raises(InputError, match=r"-1 \(1 voxels\)"):
        labels.encode(np.array([0, -1]), "f.nii")
    remedy = "data.labels (a class of their own, background: [0, 9] or ignore: [9]) or correct the file."
    with pytest.raises(InputError, match=re.escape(remedy)):
        labels.encode(np.array([9], np.uint8), "f.nii")


def test_merged_background_and_ignored_values() -> None:
    labels = Labels.from_mapping(FULL, "x")
    assert labels == Labels(("a", "b"), (4, 300), ((), (7, 12)), (2, 9), (254, 255))
    assert (labels.classes, labels.ignore_index) == (3, 3)
    array = np.array([0, 9, 2, 4, 300, 7, 12, 255, 254], np.int16)
    np.testing.assert_array_equal(labels.encode(array, "x"), [0, 0, 0, 1, 2, 2, 2, 3, 3])
    np.testing.assert_array_equal(labels.decode(np.array([0, 1, 2])), [0, 4, 300])
    assert labels.to_mapping() == {"background": [0, 2, 9], "a": 4, "b": [300, 7, 12], "ignore": [254, 255]}


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint64, np.int64])
def test_every_integer_type_is_encoded_exactly(dtype: type) -> None:
    """Values beyond a type's range, and neighbours that no float64 tells apart, are not confused."""
    labels = Labels(("a", "big", "bigger"), (4, 2**62, 2**62 + 1))
    top = np.iinfo(dtype).max
    held = [value for value in (0, 4, 2**62, 2**62 + 1) if value <= top]
    found = labels.encode(np.array(held, dtype), "x")
    np.testing.assert_array_equal(found, range(len(held)))
    for wrong in {5, min(top, 2**62 + 2), top}:
        with pytest.raises(InputError, match=f" {wrong} \\(1 voxels\\)"):
            labels.encode(np.array([0, wrong], dtype), "x")


@pytest.mark.parametrize("classes", [254, 255, 256, 300])
def test_indices_of_many_classes_fit_their_type(classes: int) -> None:
    labels = Labels(tuple(map(str, range(classes))), tuple(range(1, classes + 1)), ignored=(1000,))
    array = np.array([*range(classes + 1), 1000], np.int16)
    np.testing.assert_array_equal(labels.encode(array, "x"), range(classes + 2))


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).filter(
    lambda name: name.strip() and name.casefold() not in ("background", "ignore")
)


@pytest.mark.parametrize("name", ["a\nb", "\x1b[2J", "a\tb", " "])
def test_a_class_has_a_name_in_one_line(name: str) -> None:
    with pytest.raises(InputError, match="name in one line"):
        Labels.from_mapping({name: 1}, "x")


@given(st.data())
def test_mapping_and_labels_are_inverse(data: st.DataObject) -> None:
    names = data.draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    kinds = [*names, *data.draw(st.sets(st.sampled_from(["background", "ignore"])))]
    values = data.draw(
        st.lists(st.integers(1, LARGEST), min_size=len(kinds), max_size=4 * len(kinds), unique=True)
    )
    mapping: dict[str, int | list[int]] = {name: values[k :: len(kinds)] for k, name in enumerate(kinds)}
    if "background" in mapping:
        mapping["background"] = [0, *values[kinds.index("background") :: len(kinds)]]
    labels = Labels.from_mapping(mapping, "x")
    assert Labels.from_mapping(labels.to_mapping(), "x") == labels
    assert Labels.from_mapping(json.loads(json.dumps(labels.to_mapping())), "x") == labels
    for position, (name, value) in enumerate(zip(labels.names, labels.values, strict=True)):
        given = mapping[name]
        assert isinstance(given, list)
        assert value == given[0]
        assert (labels.encode(np.array(given), "x") == position + 1).all()
    for value in mapping.get("ignore", []):  # type: ignore[union-attr]
        assert labels.encode(np.array([value]), "x") == labels.ignore_index
    for value in mapping.get("background", []):  # type: ignore[union-attr]
        assert labels.encode(np.array([value]), "x") == 0


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"whole": [1, 2, 3], "core": [2, 3]}, "value 2 to whole and core; regions that overlap are not"),
        ({"a": 1, "background": [0, 1]}, "value 1 to a and background"),
        ({"a": 1, "ignore": [1]}, "value 1 to a and ignore"),
        ({"a": -1}, "gives 'a' the value -1; every class needs"),
        ({"a": [1, -2]}, "gives 'a' the value"),
        ({"a": []}, "gives 'a' the value []"),
        ({"a": [1, 1]}, "gives 'a' the value [1, 1]"),
        ({"a": True}, "gives 'a' the value True"),
        ({"a": 1.0}, "gives 'a' the value 1.0"),
        ({"a": None}, "gives 'a' the value None"),
        ({"a": LARGEST + 1}, "gives 'a' the value"),
        ({" ": 1}, "every class needs a name"),
        ({"background": 1, "a": 2}, "write background: [0, ...]"),
        ({"Background": [1, 3], "a": 2}, "write background: [0, ...]"),
        ({"a": 1, "ignore": 0}, "keep 0 out of ignore"),
        ({"a": 1, "ignore": [5, 0]}, "keep 0 out of ignore"),
        ({"x": 0, "background": 0, "a": 1}, "value 0 to x and background"),
        ({}, "at least one class"),
        ({"ignore": 5, "other": 0}, "at least one class"),
    ],
)
def test_a_bad_mapping_is_explained(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        Labels.from_mapping(mapping, "data.labels")
    assert str(caught.value).startswith("data.labels ")


def test_any_name_may_stand_for_background() -> None:
    assert Labels.from_mapping({"clear": [0, 5], "a": 1}, "x") == Labels(("a",), (1,), background=(5,))


def test_both_forms_of_dataset_json(tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    for form in ({"0": "background", "2": "a", "7": "b"}, {"background": 0, "a": 2, "b": 7}):
        path.write_text(json.dumps({"labels": form}))
        assert read_dataset_labels(path) == Labels(("a", "b"), (2, 7))
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"labels": FULL}).encode())
    assert read_dataset_labels(path) == Labels.from_mapping(FULL, "x")


def test_names_that_are_numbers_are_not_taken_for_values(tmp_path: Path) -> None:
    path = tmp_path / "dataset.json"
    path.write_text('{"labels": {"background": 0, "1": 2, "7": [4, 5]}}')
    assert read_dataset_labels(path) == Labels(("1", "7"), (2, 4), ((), (5,)))
    path.write_text('{"labels": {"0": "background", "1": "2"}}')
    assert read_dataset_labels(path) == Labels(("2",), (1,))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "holds list; expected a JSON object"),
        ("{}", 'has no "labels"'),
        ('{"labels": {"1": "a", "2": "a"}}', "names class 'a' twice"),
        ('{"labels": {"a": "x"}}', "is not of the form"),
        ('{"labels": {"a": 1, "a": 2}}', "names 'a' twice"),
        ('{"labels": {"\u00b2": "a"}}', "is not of the form"),
        ('{"labels": {"' + "9" * 5000 + '": "a"}}', "is not of the form"),
        ('{"labels": {"a": ' + "9" * 5000 + "}}", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ('{"labels": {"background": 0}}', "needs at least one class"),
    ],
)
def test_bad_dataset_json_is_explained(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "dataset.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        read_dataset_labels(path)
