"""Every mistake is explained: where, which key, what was given, what is allowed, and the nearest name."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medse.config.mistakes import validate
from medse.config.strict_yaml import Source, read_yaml
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
    assert all(line.startswith("  ") for line in rest)
    return [line[2:] for line in rest]


def test_a_good_file_becomes_the_model(tmp_path: Path) -> None:
    made = check(
        tmp_path,
        "data: {root: d, patch_size: [1, 2, 3], spacing_mm: [1, 1, 2.5], labels: {1: 2}}\n"
        "net: {name: unet, attention: {name: scse, combine: add}}\nloss: dice\nseed: 3\n",
    )
    assert made.data.root == Path("d")
    assert made.data.patch_size == (1, 2, 3)
    assert made.data.spacing_mm == (1.0, 1.0, 2.5)
    assert made.data.labels == {"1": 2}
    assert made.net.attention.combine == "add"
    assert made.net.attention.reduction == 2
    assert made.loss.name == "dice"


def test_two_mistakes_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        check(tmp_path, "data: {root: d}\nnet:\n  name: unet\n  atention: scse\noptimizer:\n  lr: fast\n")
    assert str(caught.value) == (
        f"{tmp_path / 'x.yaml'} has 2 mistakes:\n"
        "  line 4: net.atention = 'scse': unknown key; did you mean 'attention'? "
        "allowed: attention, channels, dropout, name\n"
        "  line 6: optimizer.lr = 'fast': expected a number > 0"
    )


def test_one_mistake_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        check(tmp_path, START + "seed: -1\n")
    assert str(caught.value) == f"{tmp_path / 'x.yaml'}, line 3: seed = -1: expected a whole number >= 0"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # wrong type or out of bounds
        ("seed: '3'", "seed = '3': expected a whole number >= 0"),
        ("seed: 3.0", "seed = 3.0: expected a whole number >= 0"),
        ("seed: true", "seed = true: expected a whole number >= 0"),
        ("seed:", "seed = none: expected a whole number >= 0"),
        ("seed: {a: [1, none]}", "seed = {a: [1, none]}: expected a whole number >= 0"),
        ("optimizer: {lr: 0}", "optimizer.lr = 0: expected a number > 0"),
        ("optimizer: {lr: .inf}", "optimizer.lr = inf: must be finite; expected a number > 0"),
        ("optimizer: {lr: .nan}", "optimizer.lr = nan: must be finite; expected a number > 0"),
        ("optimizer: {warmup: 0}", "optimizer.warmup = 0: expected a whole number > 0 or none"),
        ("optimizer: 3", "optimizer = 3: expected a section with the keys epochs, lr, warmup"),
        ("second: {name: unet, dropout: 1}", "second.dropout = 1: expected a number >= 0 and < 1"),
        (f"seed: {'x' * 200}", f"seed = '{'x' * 58}…: expected a whole number >= 0"),
        # literals
        ("norm: bach", "norm: unknown name 'bach'; did you mean 'batch'? allowed: 'none', batch or instance"),
        ("norm: none", "norm = none: expected one of 'none', batch or instance"),
        ("norm: 3", "norm = 3: expected one of 'none', batch or instance"),
        # tables
        ("second: unett", "second: unknown name 'unett'; did you mean 'unet'? allowed: plain or unet"),
        ("second: {name: unett}",
         "second.name: unknown name 'unett'; did you mean 'unet'? allowed: plain or unet"),
        ("second: {name: 3}", "second.name = 3: expected one of plain or unet"),
        ("second: 3", "second = 3: expected one of plain or unet"),
        ("second:", "second = none: expected one of plain or unet"),
        ("second: {dropout: .5}", "second.name is missing; expected one of plain or unet"),
        ("second: plain", "second.depth is missing; expected a whole number > 0"),
        ("second: {name: plain, depth: 0}", "second.depth = 0: expected a whole number > 0"),
        ("second: {name: unet, unet: 1}",
         "second.unet = 1: unknown key; allowed: attention, channels, dropout, name"),
        ("second: {name: unet, in_channels: 1}",
         "second.in_channels = 1: unknown key; did you mean 'channels'? "
         "allowed: attention, channels, dropout, name"),
        # a table with one member
        ("loss: dicee", "loss: unknown name 'dicee'; did you mean 'dice'? allowed: dice"),
        ("loss: {name: x}", "loss.name: unknown name 'x'; allowed: dice"),
        ("loss: {batch: false}", "loss.name is missing; expected dice"),
        ("loss: {name: dice, batch: 1}", "loss.batch = 1: expected true or false"),
        ("loss: [dice]", "loss = ['dice']: expected dice"),
        # a table in a table
        ("second: {name: unet, attention: scsee}",
         "second.attention: unknown name 'scsee'; did you mean 'scse'? allowed: scse, se, sse or none"),
        ("second: {name: unet, attention: {name: scsee}}",
         "second.attention.name: unknown name 'scsee'; did you mean 'scse'? allowed: scse, se or sse"),
        ("second: {name: unet, attention: 4}", "second.attention = 4: expected one of scse, se, sse or none"),
        ("second: {name: unet, attention: {name: scse, reduction: 0}}",
         "second.attention.reduction = 0: expected a whole number >= 1"),
        ("second: {name: unet, attention: {name: sse, reduction: 4}}",
         "second.attention.reduction = 4: unknown key; allowed: name"),
        ("second: {name: unet, attention: {name: scse, combine: mix}}",
         "second.attention.combine: unknown name 'mix'; did you mean 'max'? allowed: add or max"),
        # lists
        ("second: {name: unet, channels: [8]}",
         "second.channels = [8]: expected a list of at least 2 whole numbers > 0"),
        ("second: {name: unet, channels: [8, x]}", "second.channels[1] = 'x': expected a whole number > 0"),
        ("second: {name: unet, channels: 8}",
         "second.channels = 8: expected a list of at least 2 whole numbers > 0"),
        # unions without a table
        ("extra: {lr: -1, root: x}",
         "extra = {lr: -1, root: 'x'}: expected none, a section with the keys epochs, lr, warmup or "
         "a section with the keys cached, files, labels, mixed, patch_size, reader, root, sites, spacing_mm"),
        ("extra: 3",
         "extra = 3: expected none, a section with the keys epochs, lr, warmup or "
         "a section with the keys cached, files, labels, mixed, patch_size, reader, root, sites, spacing_mm"),
        # validators' own words
        ("optimizer: {warmup: 5, epochs: 4}", "optimizer: warmup is longer than epochs; shorten it"),
        # keys
        ("sede: 3", "sede = 3: unknown key; did you mean 'seed'? "
         "allowed: data, extra, loss, net, norm, optimizer, second, seed"),
        ("'a.b\\n': 3",
         "'a.b\\\\n' = 3: unknown key; allowed: data, extra, loss, net, norm, optimizer, second, seed"),
    ],
)  # fmt: skip
def test_one_mistake(tmp_path: Path, line: str, expected: str) -> None:
    assert mistakes(tmp_path, START + line) == [f"line 3: {expected}"]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("patch_size: [1, 2]", "data.patch_size = [1, 2]: expected a list of 3 whole numbers > 0"),
        (
            "patch_size: [1, 2, 3, x]",
            "data.patch_size = [1, 2, 3, 'x']: expected a list of 3 whole numbers > 0",
        ),
        ("patch_size: 3", "data.patch_size = 3: expected a list of 3 whole numbers > 0"),
        ("spacing_mm: -1", "data.spacing_mm = -1: expected a list of 3 numbers > 0, a number > 0 or none"),
        ("spacing_mm: x", "data.spacing_mm = 'x': expected a list of 3 numbers > 0, a number > 0 or none"),
        ("spacing_mm: [1, 0, 1]", "data.spacing_mm[1] = 0: expected a number > 0"),
        ("spacing_mm: [1]", "data.spacing_mm = [1]: expected a list of 3 numbers > 0, a number > 0 or none"),
        ("labels: {liver: 0}", "data.labels.liver = 0: expected a whole number > 0"),
        ("labels: [1]", "data.labels = [1]: expected a section in which each key has a whole number > 0"),
        ("files: [3]", "data.files[0] = 3: expected text"),
        ("files: a", "data.files = 'a': expected a list of texts"),
        ("files: [a.png]", "data.files = ['a.png']: each file must end in .nii.gz"),
        ("mixed: [a]", "data.mixed = ['a']: expected a list of 2 values: text, a whole number > 0 or none"),
        ("mixed: [a, b]", "data.mixed[1] = 'b': expected a whole number > 0"),
        (
            "sites: {x: 1}",
            "data.sites.x = 1: the key is not allowed: String should have at least 2 characters",
        ),
        ("reader: bids", "data.reader = 'bids': there is no reader bids"),
        ("cached: yes", "data.cached = 'yes': expected true or false"),
    ],
)
def test_one_mistake_in_the_data(tmp_path: Path, entry: str, expected: str) -> None:
    assert mistakes(tmp_path, f"net: unet\ndata:\n  root: d\n  {entry}\n") == [f"line 4: {expected}"]


def test_the_length_and_the_items_of_a_list_are_both_mistakes(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "net: unet\ndata:\n  root: d\n  patch_size:\n  - 1\n  - x\n") == [
        "line 4: data.patch_size = [1, 'x']: expected a list of 3 whole numbers > 0",
        "line 6: data.patch_size[1] = 'x': expected a whole number > 0",
    ]


def test_missing_keys_stand_at_their_section_and_missing_sections_nowhere(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "seed: 1\ndata:\n  files: []\nnet:\n  name: plain\n") == [
        "line 2: data.root is missing; expected a path",
        "line 4: net.depth is missing; expected a whole number > 0",
    ]
    assert mistakes(tmp_path, "net: unet\n") == [
        "data is missing; expected a section with the keys "
        "cached, files, labels, mixed, patch_size, reader, root, sites, spacing_mm"
    ]


def test_a_misspelt_name_key_is_found_with_its_neighbours(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "data: {root: d}\nnet:\n  nmae: unet\n  chanels: [1]\n  attention: x\n") == [
        "line 2: net.name is missing; expected one of plain or unet",
        "line 3: net.nmae = 'unet': unknown key; did you mean 'name'? "
        "allowed: attention, channels, depth, dropout, name",
        "line 4: net.chanels = [1]: unknown key; did you mean 'channels'? "
        "allowed: attention, channels, depth, dropout, name",
    ]


def test_all_mistakes_of_a_file_come_in_its_order(tmp_path: Path) -> None:
    text = (
        "seed: x\nnet:\n  attention: {name: se, reduction: 0, a: 1}\n  name: unet\n  b: 2\nlos: 1\nnorm: x\n"
    )
    places = [line.split(" = ")[0].split(" is ")[0] for line in mistakes(tmp_path, text)]
    assert places == [
        "data", "line 1: seed", "line 3: net.attention.reduction", "line 3: net.attention.a", "line 5: net.b",
        "line 6: los", "line 7: norm: unknown name 'x'; allowed: 'none', batch or instance",
    ]  # fmt: skip


VALUES = [None, 3, "x", [], {}, [[]], {"name": "unet"}, {"name": ["unet"]}, {"root": {}}]
TRACES = ("function-", "constrained-", "tuple[", "Input ", "options", "Optimizer", "literal", "Data.")


def outcome(tree: dict[str, object]) -> Config | str:
    places = dict.fromkeys([(key,) for key in tree], "line 1")
    try:
        return validate(Source(Path("x.yaml"), tree, places), Config)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("key", list(Config.model_fields))
def test_no_tag_or_label_of_pydantic_shows(key: str, value: Any) -> None:
    message = str(outcome({"data": {"root": "d"}, "net": "unet", key: value}))
    assert message
    if message.startswith("x.yaml"):
        assert not [trace for trace in TRACES if trace in message]


NAMES = ["data", "net", "second", "loss", "extra", "name", "attention", "root", "spacing_mm", "mixed", "x"]
KEYS = st.sampled_from(NAMES)
WORDS = st.sampled_from(["unet", "se", "dice", "x", ""])
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.dictionaries(KEYS, TREES))
def test_any_tree_is_accepted_or_explained_in_full(tree: dict[str, object]) -> None:
    made = outcome(tree)
    try:
        accepted = Config.model_validate_json(json.dumps(tree), strict=True)
    except ValueError:
        assert isinstance(made, str)
        lines = made.splitlines()
        assert len(set(lines)) == len(lines)
        assert not any(line.rstrip().endswith(("expected", ":")) for line in lines[1:])
    else:
        assert made == accepted
