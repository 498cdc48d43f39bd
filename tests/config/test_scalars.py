"""Unquoted words, against the tables of the YAML 1.2 specification and against PyYAML and json."""

import json
import math

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from medse.config.reading import read_text
from medse.config.scalars import dump_yaml, plain_scalar

LETTERS = st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc", "Co", "Cn"))
WORDS = st.text(LETTERS)
TRICKY = st.sampled_from(
    ["none", "None", "null", "~", "", "no", "yes", "on", "1e-3", "1_0", "0o7", "010", "0x1F", "true", ".inf",
     "<<", "=", "1:30", "2024-01-01", "- a", "a: b", "#x", "a\nb", " a", "*a", "&a", "!a", "@", "%", "'", '"',
     "[", "{}", "?"]
)  # fmt: skip
LEAVES = (
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False) | TRICKY | WORDS
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS | TRICKY, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, None) for word in ("", "~", "null", "Null", "NULL", "none", "None", "NONE")),
        *((word, True) for word in ("true", "True", "TRUE")),
        *((word, False) for word in ("false", "False", "FALSE")),
        *((word, word) for word in ("yes", "no", "on", "off", "Yes", "y", "n", "nUll", "tRue")),
        ("0", 0), ("-12", -12), ("+3", 3), ("010", 10), ("0x1F", 31), ("0o17", 15),
        ("1e-3", 1e-3), ("1E3", 1000.0), ("+.5", 0.5), ("1.", 1.0), ("-1.5e+2", -150.0), ("1.0", 1.0),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf),
        *((word, word) for word in ("1_000", "1:30", "190:20:30", "0b11", "2024-01-01", "1e", ".", "-")),
        *((word, word) for word in ("inf", "nan", "-0x1", "1 2", "١", "1e-3 ", "0x", "e3", "--1", "1.2.3")),
        ("9" * 300, int("9" * 300)), ("9" * 301, 1e301), ("9" * 5000, math.inf),
    ],
)  # fmt: skip
def test_a_word_means_what_yaml_1_2_says(text: str, value: object) -> None:
    read = plain_scalar(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number_is_read(text: str) -> None:
    read = plain_scalar(text)
    assert isinstance(read, float)
    assert math.isnan(read)


@settings(deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**200), 10**200))
def test_numbers_as_python_writes_them(number: float) -> None:
    read = plain_scalar(repr(number))
    assert read == number
    assert type(read) is type(number)


@settings(deadline=None)
@given(TREES)
def test_a_dumped_tree_is_read_back(tree: object) -> None:
    reading = read_text(dump_yaml(tree))
    assert not reading.mistakes
    assert reading.value == tree


@settings(deadline=None)
@given(TREES)
def test_pyyaml_reads_what_is_dumped_as_text_where_it_is_text(tree: object) -> None:
    def texts(value: object) -> list[str]:
        if isinstance(value, dict):
            return [*value, *(text for inner in value.values() for text in texts(inner))]
        if isinstance(value, list):
            return [text for inner in value for text in texts(inner)]
        return [value] if isinstance(value, str) else []

    assert texts(yaml.safe_load(dump_yaml(tree))) == texts(tree)


@settings(deadline=None)
@given(TREES)
def test_json_is_read_as_the_yaml_it_is(tree: object) -> None:
    text = json.dumps(tree, ensure_ascii=False)
    assume("Infinity" not in text)
    reading = read_text(text)
    assert not reading.mistakes
    assert reading.value == tree


def test_a_value_that_occurs_twice_is_written_twice() -> None:
    shared = [1, 2]
    text = dump_yaml({"a": shared, "b": shared})
    assert "&" not in text
    assert read_text(text).value == {"a": [1, 2], "b": [1, 2]}


def test_the_order_of_keys_is_kept() -> None:
    assert dump_yaml({"b": 1, "a": "none"}) == "b: 1\na: 'none'\n"
