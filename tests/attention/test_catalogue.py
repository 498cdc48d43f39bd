"""The catalogue against the blocks themselves."""

import inspect
from math import log2

import pytest
from torch import nn

from medse.attention import ATTENTION, make_attention
from medse.attention.catalogue import CATALOGUE, GUIDE


def test_every_block_is_in_the_catalogue_and_the_guide_names_blocks() -> None:
    assert list(CATALOGUE) == list(ATTENTION)
    assert {name for names in GUIDE.values() for name in names} <= CATALOGUE.keys()


def counted(block: nn.Module) -> int:
    return sum(parameter.numel() for parameter in block.parameters())


def evaluated(formula: str, names: dict[str, object]) -> object:
    """Return the value of a catalogue's formula."""
    formula, _, abbreviations = formula.partition(" with ")
    functions = {"log2": log2, "int": int, "max": max, "sum": sum, "len": len}
    for abbreviation in reversed(abbreviations.split(" and ") if abbreviations else []):
        name, _, value = abbreviation.partition(" = ")
        names = names | {name: evaluated(value, names)}
    return eval(formula.replace("·", "*"), functions | names)


@pytest.mark.parametrize("channels", [16, 48, 64, 256, 2048])
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("name", sorted(set(ATTENTION) - {"hybrid"}))
def test_parameter_formula(name: str, dims: int, channels: int) -> None:
    signature = inspect.signature(ATTENTION[name]).parameters.values()
    options = {option.name: option.default for option in signature if option.kind is option.KEYWORD_ONLY}
    expected = evaluated(CATALOGUE[name].parameters, options | {"C": channels, "d": dims})
    assert counted(make_attention(name, dims, channels)) == expected


@pytest.mark.parametrize(
    ("name", "dims", "channels", "expected"),
    [
        ("se", 2, 64, 2 * 64 * 4 + 4 + 64),
        ("cse", 2, 64, 4192),
        ("sse", 2, 64, 65),
        ("scse", 2, 64, 4257),
        ("pe", 3, 32, 1072),
        ("eca", 2, 64, 3),
        ("fca", 2, 64, 512),
        ("coord", 2, 64, 1688),
        ("coord", 2, 512, 25_648),
        ("coord", 2, 2048, 397_504),
        ("simam", 3, 64, 0),
        ("spse", 2, 64, 26 * 64 + 580),
        ("rgse", 2, 64, 18 * 64 + 580),
        ("cbam", 2, 64, 680),
    ],
)
def test_published_parameter_counts(name: str, dims: int, channels: int, expected: int) -> None:
    assert counted(make_attention(name, dims, channels)) == expected
