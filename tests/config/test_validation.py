"""Every mistake is explained: where, which key, what was given, what is allowed, and the nearest name."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medse.config.strict_yaml import Source, read_yaml
from medse.config.validation import validate
from medse.errors import InputError
from tests.support.example_models import Config

START = "data: {root: d}\nnet: unet\n"


def check(folder: Path, text: str) -> Config:
    file = folder / "x.yaml"
    file.write_text(text, encoding="utf-8")
    return validate(read_yaml(file), Config)


def mistakes(folder: Path, text: str) -> list[str]:
    """Return one line per mistake, the file's name cut off."""
    with pytest.raises(InputError) as caught:
        check(folder, text)
    first, *rest = str(caught.value).removeprefix(str(folder / "x.yaml")).splitlines()
    if not rest:
        return [first.removeprefix(", ").removeprefix(": ")]
    assert first == f" has {len(rest)} mistakes:"
    return [line.removeprefix("  ") for line in rest]


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    made = check(
        tmp_path,
        "data: {root: d, patch_size: [1, 2, 3], spacing_mm: [1, 1, 2.5], labels: {1: 2}}\n"
        "net: {name: unet, attention: {name: scse, combine: add}}\nloss: dice\nseed: 3\n",
    )
    assert (made.data.root, made.data.patch_size, made.data.labels) == (Path("d"), (1, 2, 3), {"1": 2})
    assert made.data.spacing_mm == (1.0, 1.0, 2.5)
    assert (made.net.attention.combine, made.net.attention.reduction) == ("add", 2)
    assert (made.loss.name, made.loss.batch) == ("dice", True)


def test_two_mistakes_at_once(tmp_path: Path) -> None:
    """The one place where whole sentences are compared."""
    with pytest.raises(InputError) as caught:
        check(tmp_path, "data: {root: d}\nnet:\n  name: unet\n  atention: scse\noptimizer:\n  lr: fast\n")
    assert str(caught.value) == (
        f"{tmp_path / 'x.yaml'} has 2 mistakes:\n"
        "  line 4: net.atention = 'scse': unknown key; did you mean 'attention'? "
        "allowed: attention, channels, dropout, name\n"
        "  line 6: optimizer.lr = 'fast': expected a number > 0"
    )


CASES = [
    # wrong type or out of bounds: the key, what was given, what is allowed
    ("seed: '3'", "seed = '3'", "whole number >= 0"),
    ("seed: 3.0", "seed = 3.0", "whole number"),
    ("seed: true", "seed = true", "whole number"),
    ("seed:", "seed = none", "whole number"),
    ("seed: -1", "seed = -1", "whole number >= 0"),
    ("seed: {a: [1, none]}", "seed = {a: [1, none]}", "whole number"),
    ("optimizer: {lr: 0}", "optimizer.lr = 0", "a number > 0"),
    ("optimizer: {lr: .nan}", "optimizer.lr = nan", "finite"),
    ("optimizer: {warmup: 0}", "optimizer.warmup = 0", "whole number > 0 or none"),
    ("optimizer: 3", "optimizer = 3", "a section with the keys epochs, lr, warmup"),
    ("second: {name: unet, dropout: 1}", "second.dropout = 1", "a number >= 0 and < 1"),
    (f"seed: {'x' * 200}", f"seed = '{'x' * 58}…"),
    # literals
    ("norm: bach", "norm: unknown name 'bach'", "mean 'batch'", "batch, group or instance"),
    ("norm: none", "norm = none", "one of batch, group or instance"),
    # tables
    ("second: unett", "second: unknown name 'unett'", "mean 'unet'", "plain or unet"),
    ("second: {name: unett}", "second.name: unknown name 'unett'", "mean 'unet'", "plain or unet"),
    ("second: {name: 3}", "second.name = 3", "plain or unet"),
    ("second: 3", "second = 3", "plain or unet"),
    ("second:", "second = none", "plain or unet"),
    ("second: {dropout: .5}", "second.name is missing", "plain or unet"),
    ("second: plain", "second.depth is missing", "whole number > 0"),
    ("second: {name: plain, depth: 0}", "second.depth = 0", "whole number > 0"),
    ("second: {name: unet, unet: 1}", "second.unet = 1: unknown key", "attention, channels, dropout, name"),
    ("second: {name: unet, in_channels: 1}", "second.in_channels = 1: unknown key", "mean 'channels'"),
    # a table with one member
    ("loss: dicee", "loss: unknown name 'dicee'", "mean 'dice'"),
    ("loss: {name: x}", "loss.name: unknown name 'x'", "allowed: dice"),
    ("loss: {batch: false}", "loss.name is missing"),
    ("loss: {name: dice, batch: 1}", "loss.batch = 1", "true or false"),
    # a table in a table
    ("second: {name: unet, attention: scsee}", "second.attention: unknown name 'scsee'", "scse, se, sse or none"),
    ("second: {name: unet, attention: {name: scsee}}", "second.attention.name: ", "mean 'scse'"),
    ("second: {name: unet, attention: 4}", "second.attention = 4", "scse, se, sse or none"),
    ("second: {name: unet, attention: {name: scse, reduction: 0}}", "second.attention.reduction = 0", ">= 1"),
    ("second: {name: unet, attention: {name: sse, reduction: 4}}", "reduction = 4: unknown key; allowed: name"),
    # lists and unions
    ("second: {name: unet, channels: [8]}", "second.channels = [8]", "2 or more values, each a whole number > 0"),
    ("second: {name: unet, channels: [8, x]}", "second.channels[1] = 'x'", "whole number > 0"),
    ("second: {name: unet, channels: 8}", "second.channels = 8", "a list"),
    ("data: {root: d, patch_size: [1, 2, 3, x]}", "data.patch_size = [1, 2, 3, 'x']", "a list of 3 values"),
    ("data: {root: d, spacing_mm: -1}", "data.spacing_mm = -1", "a list of 3", ", a number > 0 or none"),
    ("data: {root: d, spacing_mm: [1, 0, 1]}", "data.spacing_mm[1] = 0", "a number > 0"),
    ("data: {root: d, labels: {liver: 0}}", "data.labels.liver = 0", "whole number > 0"),
    ("data: {root: d, labels: [1]}", "data.labels = [1]", "a section in which each key has a whole number"),
    ("data: {root: d, files: [3]}", "data.files[0] = 3", "text"),
    ("data: {root: d, cached: yes}", "data.cached = 'yes'", "true or false"),
    # validators' own words
    ("data: {root: d, files: [a.png]}", "data.files = ['a.png']: each file must end in .nii.gz"),
    ("optimizer: {warmup: 5, epochs: 4}", "optimizer: warmup is longer than epochs"),
    # keys
    ("sede: 3", "sede = 3: unknown key", "mean 'seed'", "data, loss, net, norm, optimizer, second, seed"),
    ("'a.b\\n': 3", "'a.b\\\\n' = 3: unknown key"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), [(line, words) for line, *words in CASES])
def test_one_mistake(tmp_path: Path, line: str, words: list[str]) -> None:
    start = "net: unet\n\n" if line.startswith("data") else START
    (mistake,) = mistakes(tmp_path, start + line)
    assert mistake.startswith("line 3: ")
    assert all(word in mistake for word in words), mistake


def test_missing_keys_stand_at_their_section_and_missing_sections_nowhere(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "seed: 1\ndata:\n  patch_size:\n  - 1\n  - x\nnet:\n  name: plain\n")
    assert [mistake.split("; ")[0] for mistake in found] == [
        "line 2: data.root is missing",
        "line 3: data.patch_size[2] is missing",
        "line 5: data.patch_size[1] = 'x': expected a whole number > 0",
        "line 6: net.depth is missing",
    ]
    assert mistakes(tmp_path, "net: unet\n")[0].startswith(
        "data is missing; expected a section with the keys"
    )


def test_a_misspelt_name_key_is_found_with_its_neighbours(tmp_path: Path) -> None:
    found = mistakes(tmp_path, "data: {root: d}\nnet:\n  nmae: unet\n  chanels: [1]\n  attention: x\n")
    assert [mistake.split("?")[0] for mistake in found] == [
        "line 2: net.name is missing; expected one of plain or unet",
        "line 3: net.nmae = 'unet': unknown key; did you mean 'name'",
        "line 4: net.chanels = [1]: unknown key; did you mean 'channels'",
    ]


def test_all_mistakes_of_a_file_come_in_its_order(tmp_path: Path) -> None:
    text = (
        "seed: x\nnet:\n  attention: {name: se, reduction: 0, a: 1}\n  name: unet\n  b: 2\nlos: 1\nnorm: x\n"
    )
    assert [mistake.split(" = ")[0].split(" is ")[0].split(": unk")[0] for mistake in mistakes(tmp_path, text)] == [
        "data", "line 1: seed", "line 3: net.attention.reduction", "line 3: net.attention.a", "line 5: net.b",
        "line 6: los", "line 7: norm",
    ]  # fmt: skip


def outcome(tree: dict[str, object]) -> Config | str:
    places = dict.fromkeys([(key,) for key in tree], "line 1")
    try:
        return validate(Source(Path("x.yaml"), tree, places), Config)
    except InputError as error:
        return str(error)


KEYS = st.sampled_from(
    ["data", "net", "second", "loss", "name", "attention", "root", "spacing_mm", "labels", "x", "<unet>"]
)
WORDS = st.sampled_from(["unet", "se", "dice", "x", ""])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
TRACES = ("function-", "constrained-", "tuple[", "Input ", "options", "Optimizer", "literal", "Data.")
"""Words that only pydantic uses."""


@settings(deadline=None)
@given(st.dictionaries(KEYS, TREES))
def test_any_tree_is_accepted_or_explained_in_our_words(tree: dict[str, object]) -> None:
    made = outcome(tree)
    try:
        accepted = Config.model_validate_json(json.dumps(tree), strict=True)
    except ValueError:
        assert isinstance(made, str)
        lines = made.splitlines()
        assert len(set(lines)) == len(lines)
        assert not any(line.rstrip().endswith(("expected", ":")) for line in lines[1:])
        assert not [trace for trace in TRACES if trace in made]
    else:
        assert made == accepted
