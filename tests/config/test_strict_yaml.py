"""Reading files: lines are known, and everything that is not a plain tree is refused."""

import math
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from medse.config.reading import MAX_DEPTH, read_text
from medse.config.strict_yaml import Source, read_yaml
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


def test_keys_are_text_whatever_they_look_like(file: Path) -> None:
    assert read(file, "1: a\nnull: b\nyes: c\n1e3: d\n2024-01-01: e\n").tree == {
        "1": "a", "null": "b", "yes": "c", "1e3": "d", "2024-01-01": "e",
    }  # fmt: skip


def test_quoted_and_block_scalars_are_text(file: Path) -> None:
    assert read(file, "a: '1'\nb: \"none\"\nc: |\n  3\nd: >-\n  true\n").tree == {
        "a": "1", "b": "none", "c": "3\n", "d": "true",
    }  # fmt: skip


def test_a_byte_order_mark_and_other_line_ends_do_no_harm(file: Path) -> None:
    source = read(file, "\ufeffa: 1\r\nb: 2\r\n")
    assert source.tree == {"a": 1, "b": 2}
    assert source.places[("b",)] == "line 2"


def test_every_repeated_key_is_listed_with_both_lines(file: Path) -> None:
    text = "net:\n  name: a\n  name: b\nseed: 1\nnet:\n  x: 1\n  x: 2\nseed: 2\nseed: 3\n"
    assert refusal(file, text).splitlines() == [
        "x.yaml has 5 mistakes:",
        "  line 3: net.name is repeated; it was given on line 2 already; keep one of them",
        "  line 5: net is repeated; it was given on line 1 already; keep one of them",
        "  line 7: net.x is repeated; it was given on line 6 already; keep one of them",
        "  line 8: seed is repeated; it was given on line 4 already; keep one of them",
        "  line 9: seed is repeated; it was given on line 4 already; keep one of them",
    ]


def test_one_mistake_is_one_sentence_on_one_line(file: Path) -> None:
    assert (
        refusal(file, "a: 1\nb: 2\na: 3\n")
        == "x.yaml, line 3: a is repeated; it was given on line 1 already; keep one of them"
    )


def test_keys_that_differ_as_text_are_not_repeated(file: Path) -> None:
    assert read(file, "1: a\n01: b\n1.0: c\n").tree == {"1": "a", "01": "b", "1.0": "c"}
    assert "line 2: 1 is repeated" in refusal(file, "1: a\n'1': b\n").replace(", line", "\nline")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: &x 1\nb: 2\n", 1, "the anchor &x is not supported"),
        ("a: 1\nb: *x\n", 2, "the alias *x is not supported; write the value out"),
        ("a: 1\n*x : 2\n", 2, "the alias *x is not supported"),
        ("a: 1\n&x b: 2\n", 2, "the anchor &x is not supported"),
        (
            "a: !!python/object/apply:os.system [ls]\n",
            1,
            "2002:python/object/apply:os.system' is not supported",
        ),
        ("a: !!int 3\n", 1, "the tag 'tag:yaml.org,2002:int' is not supported"),
        ("a: ! 3\n", 1, "the tag '!' is not supported"),
        ("a: 1\n!!str b: 2\n", 2, "the tag 'tag:yaml.org,2002:str' is not supported"),
        ("a: 1\n<<: {b: 2}\n", 2, "the merge key << is not supported"),
        ("a: 1\n[b, c]: 2\n", 2, "a list or a section is used as a key"),
        ("a: 1\n? {b: c}\n: 2\n", 2, "a list or a section is used as a key"),
        ("a: 1\n---\nb: 2\n", 2, "a second document starts here"),
        ("a: 1\nb: c: d\n", 2, "this is not YAML: mapping values are not allowed here"),
        ("a: 1\n\tb: 2\n", 2, "indent with spaces, not tabs"),
        ("a: 1\nb: @x\n", 2, "found character '@' that cannot start any token"),
        ("a:\n  [1,\nb: 2\n", 4, "while parsing a flow sequence that starts on line 2"),
        ("a: 1\nb: \x07\n", 2, "an unprintable character stands here"),
        ('a: 1\nb: "\\ud800"\n', 2, "b has half a surrogate pair"),
        ('a: 1\n"\\ud800": 1\n', 2, "half a surrogate pair"),
        ('a: "\\UFFFFFFFF"\n', 1, "out of range"),
        ("a: " + "[" * 100_000, 1, f"more than {MAX_DEPTH} levels of nesting"),
        ("a: " + "{b: " * 100_000, 1, f"more than {MAX_DEPTH} levels of nesting"),
    ],
)
def test_what_is_more_than_a_tree_is_refused(file: Path, text: str, line: int, words: str) -> None:
    message = refusal(file, text)
    assert message.startswith(f"x.yaml, line {line}: ")
    assert words in message


def test_mistakes_before_a_syntax_error_are_reported_with_it(file: Path) -> None:
    lines = refusal(file, "a: 1\na: 2\nb: &x 3\nc: [\n").splitlines()
    assert [line.split(":")[0].strip() for line in lines] == [
        "x.yaml has 3 mistakes", "line 2", "line 3", "line 5",
    ]  # fmt: skip


def test_a_growing_file_is_refused_before_it_grows(file: Path) -> None:
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    assert "the alias *a28 is not supported" in refusal(file, text)


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ("", "is empty"),
        ("# a\n", "is empty"),
        ("---\n", "is empty"),
        ("[1, x]", "holds [1, 'x']"),
        ("3", "holds 3"),
    ],
)
def test_a_file_without_keys(file: Path, text: str, given: str) -> None:
    remedy = "it must hold keys with a colon and a value, such as 'seed: 0'."
    assert refusal(file, text) == f"x.yaml {given}; {remedy}"


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Cannot read .*missing\.yaml: .*; give the path of a YAML"):
        read_yaml(tmp_path / "missing.yaml")
    with pytest.raises(InputError, match=r"Cannot read .*; give the path of a YAML configuration file"):
        read_yaml(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(InputError, match=r"latin\.yaml is not UTF-8 text \(byte 3\); save it as UTF-8"):
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
@example(b'a: "\\UFFFFFFFF"')
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
@given(SYNTAX | st.text())
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
