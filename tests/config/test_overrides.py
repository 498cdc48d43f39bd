"""Settings from the command line end up where they would stand in the file, or are refused together."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medse.config.overrides import apply_overrides
from medse.config.strict_yaml import Source
from medse.config.validation import validate
from medse.errors import InputError
from tests.support.example_models import Config

FILE = Path("x.yaml")


def source(**tree: object) -> Source:
    full: dict[str, object] = {"data": {"root": "d"}, "net": "unet", **tree}
    return Source(FILE, full, {(key,): f"line {line}" for line, key in enumerate(full, start=1)})


def config(start: Source, *overrides: str) -> Config:
    return validate(apply_overrides(start, overrides, Config), Config)


def refusal(start: Source, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        config(start, *overrides)
    return str(caught.value)


def test_values_are_read_as_in_a_file() -> None:
    made = config(
        source(),
        "optimizer.lr=1e-3", "seed=0x10", "data.patch_size=[1, 2, 3]", "data.root=/a b/c=d",
        "data.cached=true", "norm='group'", " data.spacing_mm = none",
    )  # fmt: skip
    assert made.optimizer.lr == 1e-3
    assert made.seed == 16
    assert made.data.patch_size == (1, 2, 3)
    assert made.data.root == Path("/a b/c=d")
    assert made.data.cached is True
    assert made.norm == "group"
    assert made.data.spacing_mm is None


def test_the_source_given_is_left_as_it_was() -> None:
    start = source(optimizer={"lr": 1.0})
    apply_overrides(start, ["optimizer.lr=2", "net.attention=se", "seed=3"], Config)
    assert start == source(optimizer={"lr": 1.0})


@pytest.mark.parametrize("text", ["none", "null", "~", ""])
def test_none_and_null_mean_none(text: str) -> None:
    net = {"name": "unet", "attention": "scse"}
    assert config(source(net=net), f"net.attention={text}").net.attention is None


@pytest.mark.parametrize("attention", ["scse", {"name": "scse"}, {"name": "scse", "reduction": 8}])
def test_an_option_joins_a_bare_name(attention: object) -> None:
    made = config(source(net={"name": "unet", "attention": attention}), "net.attention.reduction=4")
    assert (made.net.attention.name, made.net.attention.reduction) == ("scse", 4)
    made = config(source(loss="dice"), "net.attention.name=se", "loss.batch=false")
    assert (made.net.name, made.net.attention.name, made.loss.batch) == ("unet", "se", False)


def test_a_section_that_is_not_written_starts_from_its_default() -> None:
    optimizer = config(source(), "optimizer.epochs=3").optimizer
    assert (optimizer.epochs, optimizer.warmup) == (3, 2)
    assert config(source(), "second.dropout=0.5").second.name == "unet"
    assert config(source(), "loss.name=dice").loss.batch is False  # the default section's, not the option's


@pytest.mark.parametrize("order", [1, -1])
def test_order_does_not_matter(order: int) -> None:
    overrides = ["net=unet", "net.attention=scse", "net.attention.reduction=4"][::order]
    assert config(source(net={"name": "plain", "depth": 2}), *overrides).net.attention.reduction == 4


def test_places() -> None:
    start = source(net={"name": "unet", "channels": [1, 2]})
    start.places["net", "channels", 0] = "line 7"
    made = apply_overrides(start, ["net.channels=[3, 4]", "optimizer.lr=1"], Config)
    assert made.place(("net",)) == "line 2"
    assert made.place(("net", "channels", 0)) == "override 'net.channels=[3, 4]'"
    assert made.place(("optimizer",)) == made.place(("optimizer", "lr")) == "override 'optimizer.lr=1'"


def test_misspelt_overrides_read_like_misspelt_keys() -> None:
    lines = refusal(source(), "optimzer.lr=1", "net.atention.reduction=4", "optimizer.lr=fast").splitlines()
    assert [line.split("? ")[0] for line in sorted(lines)] == [
        "  override 'net.atention.reduction=4': net.atention = {reduction: 4}: unknown key; did you mean 'attention'",
        "  override 'optimizer.lr=fast': optimizer.lr = 'fast': expected a number > 0",
        "  override 'optimzer.lr=1': optimzer = {lr: 1}: unknown key; did you mean 'optimizer'",
        "x.yaml has 3 mistakes:",
    ]


def test_an_option_without_a_name_says_what_is_missing() -> None:
    start = source(net={"name": "unet", "attention": None})
    start.places["net", "attention"] = "line 3"
    message = refusal(start, "net.attention.reduction=4")
    assert message.startswith("x.yaml, override 'net.attention.reduction=4': net.attention.name is missing")
    assert message.endswith("one of scse, se or sse")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("seed", "there is no '='"),
        ("=1", "there is no key before the '='"),
        ("optimizer..lr=1", "there is no key"),
        ("\udcff=1", "there is no key"),
        ("seed=[1,", "this YAML cannot be read"),
        ("seed={a: 1, b: 2, a: 3}", "seed.a is repeated; keep one"),
        ("seed=\udcff", "an unprintable character"),
        ("data.root.x=1", "data.root = 'd' is not a section; set the value itself"),
        ("data.patch_size.0=1", "data.patch_size = [32, 32, 32] is not a section; set the whole list"),
        ("a." * 40 + "b=1", "more than 32 dots"),
    ],
)
def test_what_is_no_override(override: str, words: str) -> None:
    message = refusal(source(), override)
    assert message.startswith("x.yaml, override '")
    assert words in message


def test_all_mistakes_of_all_overrides_are_listed() -> None:
    lines = refusal(source(), "seed", "net=[", "norm=batch", "norm=batch", "data.root.x=1").splitlines()
    assert lines[0] == "x.yaml has 4 mistakes:"
    assert [line.split("'")[1] for line in lines[1:]] == ["seed", "net=[", "norm=batch", "data.root.x=1"]
    assert "norm is set by override 'norm=batch' too" in lines[3]


ANY = st.text(alphabet="=.:[]{}', netausdo01\udcff\n") | st.sampled_from(["net.x=1", "net=unet"])


@settings(deadline=None)
@given(st.lists(ANY, max_size=4))
def test_any_overrides_give_a_config_or_an_input_error(overrides: list[str]) -> None:
    try:
        made = str(config(source(), *overrides))
    except InputError as error:
        made = str(error)
    assert made.startswith(("x.yaml", "data=Data(root="))
