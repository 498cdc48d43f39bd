"""How many parameters a block has: by the formula of its class, and by numbers that papers and codes state."""

import inspect
from math import log2
from typing import Any

import pytest
import torch

from medse.attention import ATTENTION, make_attention
from medse.attention.efficient import adaptive_kernel_size

RESNET50 = {256: 3, 512: 4, 1024: 6, 2048: 3}
"""Output channels of its blocks -> how many there are."""
DIMS = pytest.mark.parametrize("d", [2, 3])
CASES: list[dict[str, Any]] = [
    *({"name": name} for name in ATTENTION if name != "hybrid"),
    {"name": "se", "reduction": 8},
    {"name": "scse", "combine": "add", "reduction": 16},
    {"name": "pe", "reduction": 4},
    {"name": "eca", "gamma": 1.0, "b": 2.0},
    {"name": "fca", "selection": "low", "components": 1, "reduction": 4},
    {"name": "coord", "reduction": 4, "min_channels": 1},
    {"name": "spse", "reduction": 4, "levels": (1, 3)},
    {"name": "rgse", "grid": 8, "reduction": 2},
    {"name": "cbam", "reduction": 4, "kernel_size": 3},
]


def count(options: dict[str, Any], d: int, channels: int) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in make_attention(options, d, channels).parameters())


def evaluated(formula: str, names: dict[str, object]) -> object:
    """Return the value of the formula that a class states."""
    formula, _, abbreviations = formula.partition(" with ")
    functions = {"log2": log2, "int": int, "max": max, "sum": sum, "len": len}
    for abbreviation in reversed(abbreviations.split(" and ") if abbreviations else []):
        name, _, value = abbreviation.partition(" = ")
        names = names | {name: evaluated(value, names)}
    return eval(formula.replace("·", "*"), functions | names)


@DIMS
@pytest.mark.parametrize("options", CASES, ids=lambda options: "-".join(map(str, options.values())))
def test_formula(options: dict[str, Any], d: int) -> None:
    block = ATTENTION[options["name"]]
    signature = inspect.signature(block).parameters.values()
    chosen = {
        option.name: option.default for option in signature if option.kind is option.KEYWORD_ONLY
    } | options
    for channels in (16, 33, 48, 64, 75, 300, 2048):  # also not divisible by the reduction
        expected = evaluated(block.parameter_formula, chosen | {"C": channels, "d": d})
        assert count(options, d, channels) == expected


@pytest.mark.parametrize(
    ("name", "option", "less"),
    [
        ("se", {"bias": False}, 4 + 64),
        ("cse", {"bias": False}, 32 + 64),
        ("sse", {"bias": False}, 1),
        ("scse", {"bias": False}, 32 + 64 + 1),
        ("scse", {"combine": "concat"}, -(2 * 64 * 64 + 64)),
        ("scse", {"combine": "concat", "bias": False}, 32 + 64 + 1 - 2 * 64 * 64),
        ("eca", {"kernel_size": 5}, 3 - 5),
        ("eca", {"kernel_size": 5, "shared": False}, 3 - 5 * 64),
        ("fca", {"selection": "nas", "components": 4}, -4 * 49),
        ("rgse", {"grid": 1}, (16 + 2) * 64),
    ],
)
def test_what_options_outside_the_formula_add(name: str, option: dict[str, Any], less: int) -> None:
    assert count({"name": name}, 2, 64) - count({"name": name, **option}, 2, 64) == less


@DIMS
def test_hybrid_is_the_sum_of_its_blocks(d: int) -> None:
    blocks = tuple(CASES[::5])
    expected = sum(count(block, d, 48) for block in blocks)
    for combine in ("sequence", "max", "add"):
        assert count({"name": "hybrid", "blocks": blocks, "combine": combine}, d, 48) == expected


@pytest.mark.parametrize(
    ("name", "d", "channels", "expected"),
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
        ("spse", 3, 64, 78 * 64 + 580),
        ("rgse", 2, 64, 18 * 64 + 580),
        ("cbam", 2, 64, 680),
    ],
)
def test_published_counts(name: str, d: int, channels: int, expected: int) -> None:
    assert count({"name": name}, d, channels) == expected


@DIMS
def test_concurrent_se_in_eight_blocks_of_64_channels(d: int) -> None:
    assert 8 * count({"name": "scse"}, d, 64) == 34_056
    assert 8 * count({"name": "scse", "bias": False}, d, 64) == 33_280


@pytest.mark.parametrize(
    ("options", "total"),
    [
        ({"name": "se"}, 2_514_944 + 16_048),
        ({"name": "fca"}, 2_514_944),
        ({"name": "spse"}, 2_923_696),
        ({"name": "eca"}, 86),
        ({"name": "se", "bias": False, "reduction": 2}, 20_119_552),
        ({"name": "se", "bias": False, "reduction": 4}, 10_059_776),
        ({"name": "se", "bias": False, "reduction": 8}, 5_029_888),
        ({"name": "se", "bias": False}, 2_514_944),
        ({"name": "se", "bias": False, "reduction": 32}, 1_257_472),
    ],
    ids=str,
)
def test_in_resnet50(options: dict[str, Any], total: int) -> None:
    assert sum(n * count(options, 2, channels) for channels, n in RESNET50.items()) == total


@pytest.mark.parametrize(
    ("name", "option", "by_stage", "total"),
    [("rgse", "grid", (8, 4, 2, 1), 2_655_408), ("eca", "kernel_size", (3, 5, 5, 7), 80)],
)
def test_by_stage_of_resnet50(name: str, option: str, by_stage: tuple[int, ...], total: int) -> None:
    stages = zip(RESNET50.items(), by_stage, strict=True)
    assert (
        sum(n * count({"name": name, option: value}, 2, channels) for (channels, n), value in stages) == total
    )


@pytest.mark.parametrize(
    ("k", "channels"),
    [
        (1, (1, 2, 3, 4, 5, 6, 7)),
        (3, (8, 16, 32, 48, 64, 96, 127)),
        (5, (128, 192, 256, 320, 384, 512, 768, 1024, 1280, 2047)),
        (7, (2048,)),
    ],
)
def test_adaptive_kernel(k: int, channels: tuple[int, ...]) -> None:
    for c in channels:
        assert adaptive_kernel_size(c, 2.0, 1.0) == k
        assert count({"name": "eca"}, 3, c) == k
