"""Lines are known, words mean what YAML 1.2 says, and everything that is not a plain tree is refused."""

import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from medse.config.strict_yaml import MAX_DEPTH, Source, dump_yaml, plain_scalar, read_text, read_yaml
from medse.errors import InputError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "x.yaml"


def read(file: Path, text: str) -> Source:
    file.write_text(text, encoding="utf-8", newline="")
    return read_yaml(file)


def refusal(file: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        read(file, text)
    return str(caught.value).replace(str(file), "x.yaml")


def test_values_and_their_lines(file: Path) -> None:
    text = "# head\nnet:\n  name: unet\n\n  channels:\n  - 16\n  - 32\noptimizer: {lr: 1e-3,\n  x: no}\n"
    source = read(file, text)
    assert source.tree == {
        "net": {"name": "unet", "channels": [16, 32]},
        "optimizer": {"lr": 1e-3, "x": "no"},
    }
    assert source.places == {
        ("net",): "line 2",
        ("net", "name"): "line 3",
        ("net", "channels"): "line 5",
        ("net", "channels", 0): "line 6",
        ("net", "channels", 1): "line 7",
        ("optimizer",): "line 8",
        ("optimizer", "lr"): "line 8",
        ("optimizer", "x"): "line 9",
    }
    assert source.place(("net", "attention", "name")) == "line 2"
    assert source.place(("data",)) is None


def test_keys_and_what_is_quoted_are_text_whatever_they_look_like(file: Path) -> None:
    assert read(file, "1: a\nnull: b\n01: c\n1.0: d\n2024-01-01: '1'\ne: \"none\"\nf: |\n  3\n").tree == {
        "1": "a", "null": "b", "01": "c", "1.0": "d", "2024-01-01": "1", "e": "none", "f": "3\n",
    }  # fmt: skip


def test_a_byte_order_mark_and_other_line_ends_do_no_harm(file: Path) -> None:
    source = read(file, "\ufeffa: 1\r\nb: 2\r\n")
    assert source.tree == {"a": 1, "b": 2}
    assert source.places[("b",)] == "line 2"


def test_every_repeated_key_is_listed_with_both_lines(file: Path) -> None:
    text = "net:\n  name: a\n  name: b\n1: 1\nnet:\n  x: 1\n  x: 2\n'1': 2\n1: 3\n"
    assert [line.split(" already")[0] for line in refusal(file, text).splitlines()] == [
        "x.yaml has 5 mistakes:",
        "  line 3: net.name is repeated; it was given on line 2",
        "  line 5: net is repeated; it was given on line 1",
        "  line 7: net.x is repeated; it was given on line 6",
        "  line 8: 1 is repeated; it was given on line 4",
        "  line 9: 1 is repeated; it was given on line 4",
    ]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: &x 1\nb: *x\n", 2, "the alias *x"),
        ("a: &x [*x]\n", 1, "the alias *x"),
        ("a: 1\n&x b: 2\n*x : 3\n", 3, "the alias *x"),
        ("a: !!python/object/apply:os.system [ls]\n", 1, "os.system' is not supported"),
        ("a: !!int 3\n", 1, "the tag 'tag:yaml.org,2002:int'"),
        ("a: 1\n!!int 1: 2\n", 2, "the tag 'tag:yaml.org,2002:int'"),
        ("a: 1\n<<: {b: 2}\n", 2, "the merge key <<"),
        ("a: 1\n[b, c]: 2\n", 2, "a list or a section is used as a key"),
        ("a: 1\n---\nb: 2\n", 2, "but found another document"),
        ("a: 1\nb: c: d\n", 2, "mapping values are not allowed here"),
        ("a: 1\n\tb: 2\n", 2, "indent with spaces, not tabs"),
        ("a: 1\nb: @x\n", 2, "'@' that cannot start any token"),
        ("a:\n  [1,\nb: 2\n", 4, "flow sequence that starts on line 2"),
        ("a: 1\nb: \x07\n", 2, "an unprintable character"),
        ('a: 1\nb: "\\ud800"\n', 2, "b has half a surrogate pair"),
        ('a: 1\n"\\ud800": 1\n', 2, "half a surrogate pair"),
        ('a: "\\UFFFFFFFF"\n', 1, "out of range"),
        (
            "a: 1\nb: " + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1),
            2,
            f"more than {MAX_DEPTH} levels of nesting",
        ),
        ("a: " + "[" * 100_000, 1, f"more than {MAX_DEPTH} levels of nesting"),
        ("a: " + "{b: " * 100_000, 1, f"more than {MAX_DEPTH} levels of nesting"),
    ],
)
def test_what_is_more_than_a_tree_is_refused(file: Path, text: str, line: int, words: str) -> None:
    message = refusal(file, text)
    assert message.startswith(f"x.yaml, line {line}: ")
    assert words in message


def test_a_growing_file_is_refused_before_it_grows(file: Path) -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    assert "line 2: this YAML cannot be read: the alias *a0" in refusal(file, text)


@pytest.mark.parametrize(
    ("text", "given"), [("", "is empty"), ("# a\n", "is empty"), ("[1, x]", "holds [1, 'x']")]
)
def test_a_file_without_keys(file: Path, text: str, given: str) -> None:
    assert refusal(file, text).startswith(f"x.yaml {given}; it must hold keys")


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.yaml", tmp_path):
        with pytest.raises(InputError, match=f"Cannot read {path}: "):
            read_yaml(path)
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml .*\(byte 3\); save it as UTF-8"):
        read_yaml(tmp_path / "latin.yaml")


def plain(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and plain(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(plain, value))
    return value is None or type(value) in (str, int, float, bool)


SYNTAX = st.text(alphabet="ab01:-[]{}&*!#|>'\"\\\n\t %@.,?<~UuxX\ud800\x85\x00é")
TEXTS = st.text() | SYNTAX | st.lists(SYNTAX).map("\n".join)


@settings(deadline=None)
@given(TEXTS.map(lambda text: text.encode("utf-8", "replace")))
@example(b"%YAML 1." + b"9" * 5000 + b"\n---\na: 1")
@example(b"a: " + b"9" * 5000)
@example(b"\xff\xfe")
def test_any_bytes_are_a_plain_tree_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(data)
    message = ""
    try:
        source = read_yaml(file)
    except InputError as error:
        message, source = str(error), Source(file, {}, {})
    assert not message or str(file) in message
    assert plain(source.tree)
    assert all(place.startswith("line ") for place in source.places.values())


@settings(deadline=None)
@given(TEXTS)
def test_where_pyyaml_reads_a_tree_of_text_so_do_we(text: str) -> None:
    try:
        expected = yaml.BaseLoader(text).get_single_data()
    except (yaml.YAMLError, ValueError, TypeError):
        return
    reading = read_text(text)

    def as_text(mine: object, theirs: object) -> bool:
        """Compare, scalars by what PyYAML says stands there."""
        if isinstance(mine, dict) and isinstance(theirs, dict):
            return list(mine) == list(theirs) and all(as_text(mine[key], theirs[key]) for key in mine)
        if isinstance(mine, list) and isinstance(theirs, list):
            return len(mine) == len(theirs) and all(map(as_text, mine, theirs))
        if isinstance(theirs, str) and isinstance(mine, float):
            return math.isnan(mine) or float(theirs.replace(".inf", "inf")) == mine
        return mine is None or isinstance(mine, int) or mine == theirs

    assert reading.mistakes or as_text(reading.value, expected)


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


LETTERS = st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cc", "Co", "Cn"))
WORDS = st.text(LETTERS) | st.sampled_from(
    ["none", "null", "~", "", "no", "1e-3", "1_0", "010", "0x1F", "true", ".inf", "<<", "=", "1:30", "2024-01-01",
     "- a", "a: b", "#x", "a\nb", " a", "*a", "&a", "!a", "@", "%", "'", '"', "[", "{}", "?"]
)  # fmt: skip
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(TREES)
def test_a_dumped_tree_is_read_back(tree: object) -> None:
    reading = read_text(dump_yaml(tree))
    assert not reading.mistakes
    assert reading.value == tree


@settings(deadline=None)
@given(TREES)
def test_json_is_read_as_the_yaml_it_is(tree: object) -> None:
    text = json.dumps(tree, ensure_ascii=False)
    assume("Infinity" not in text)
    reading = read_text(text)
    assert not reading.mistakes
    assert reading.value == tree


def test_values_are_written_out_and_keys_in_order() -> None:
    shared = [1, 2]
    assert dump_yaml({"b": shared, "a": shared, "c": "none"}) == "b:\n- 1\n- 2\na:\n- 1\n- 2\nc: 'none'\n"
