"""How many parameters a block has, as formulas, and the numbers that papers and reference codes state."""

from typing import Any

import pytest
import torch

from medse.attention import ATTENTION, make_attention
from medse.attention.efficient import adaptive_kernel_size

RESNET50 = {256: 3, 512: 4, 1024: 6, 2048: 3}
"""Output channels of its blocks -> how many there are."""
DIMS = pytest.mark.parametrize("d", [2, 3])


def count(options: dict[str, Any], d: int, channels: int) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in make_attention(options, d, channels).parameters())


def layers(c: int, r: int, bias: bool = True) -> int:
    """Return the size of the two layers of squeeze-and-excitation."""
    return 2 * c * (c // r) + (c // r + c if bias else 0)


def formula(c: int, d: int, *, name: str, reduction: int = 16, bias: bool = True, **options: Any) -> int:
    match name:
        case "se" | "cse" | "pe":
            return layers(c, reduction, bias)
        case "sse":
            return c + bias
        case "scse":
            merge = 2 * c * c + c * bias if options["combine"] == "concat" else 0
            return layers(c, reduction, bias) + c + bias + merge
        case "eca":
            return options["kernel_size"] * (1 if options.get("shared", True) else c)
        case "fca":
            scores = options["components"] * 7**d if options.get("selection") == "nas" else 0
            return layers(c, reduction, bias=False) + scores
        case "coord":
            m = max(options.get("min_channels", 8), c // reduction)
            return (d + 1) * c * m + 3 * m + d * c
        case "spse":
            return layers(c, reduction) + (sum(n**d + 1 for n in options["levels"]) + 2) * c
        case "rgse":
            n = options["grid"]
            return layers(c, reduction) + ((n**d + 2) * c if n > 1 else 0)
        case "cbam":
            return layers(c, reduction) + 2 * options["kernel_size"] ** d + 2
    return 0


DEFAULTS: dict[str, dict[str, Any]] = {
    "cse": {"reduction": 2},
    "scse": {"reduction": 2, "combine": "max"},
    "pe": {"reduction": 2},
    "coord": {"reduction": 32},
    "spse": {"levels": (1, 2, 4)},
    "rgse": {"grid": 4},
    "cbam": {"kernel_size": 7},
}
"""Where a block has its own."""
CASES: list[dict[str, Any]] = [
    {"name": "se"},
    {"name": "se", "reduction": 8, "bias": False},
    {"name": "cse"},
    {"name": "cse", "bias": False},
    {"name": "sse"},
    {"name": "sse", "bias": False},
    {"name": "scse"},
    {"name": "scse", "combine": "add", "reduction": 16},
    {"name": "scse", "combine": "mul", "bias": False},
    {"name": "scse", "combine": "concat"},
    {"name": "scse", "combine": "concat", "bias": False},
    {"name": "pe"},
    {"name": "pe", "reduction": 4},
    {"name": "eca", "kernel_size": 5},
    {"name": "eca", "kernel_size": 5, "shared": False},
    {"name": "fca"},
    {"name": "fca", "selection": "low", "components": 1, "reduction": 4},
    {"name": "fca", "selection": "nas", "components": 4},
    {"name": "coord"},
    {"name": "coord", "reduction": 4, "min_channels": 1},
    {"name": "simam"},
    {"name": "spse"},
    {"name": "spse", "reduction": 4, "levels": (1, 3)},
    {"name": "rgse"},
    {"name": "rgse", "grid": 8, "reduction": 2},
    {"name": "rgse", "grid": 1},
    {"name": "cbam"},
    {"name": "cbam", "reduction": 4, "kernel_size": 3},
]


@DIMS
@pytest.mark.parametrize("options", CASES, ids=lambda options: "-".join(map(str, options.values())))
def test_formula(options: dict[str, Any], d: int) -> None:
    for channels in (16, 33, 48, 64, 75, 300):  # also not divisible by the reduction
        expected = formula(channels, d, **{**DEFAULTS.get(options["name"], {}), **options})
        assert count(options, d, channels) == expected


@DIMS
def test_hybrid_is_the_sum_of_its_blocks(d: int) -> None:
    blocks = tuple(CASES[::5])
    expected = sum(count(block, d, 48) for block in blocks)
    for combine in ("sequence", "max", "add"):
        assert count({"name": "hybrid", "blocks": blocks, "combine": combine}, d, 48) == expected


def test_every_block_has_a_formula() -> None:
    assert {options["name"] for options in CASES} | {"hybrid"} == set(ATTENTION)


@pytest.mark.parametrize(("d", "spatial"), [(2, 26), (3, 78)])
def test_spatial_pyramid_has_a_few_numbers_per_channel(d: int, spatial: int) -> None:
    assert count({"name": "spse"}, d, 64) - layers(64, 16) == spatial * 64


@DIMS
def test_concurrent_se_in_eight_blocks_of_64_channels(d: int) -> None:
    assert 8 * count({"name": "scse"}, d, 64) == 34_056
    assert 8 * count({"name": "scse", "bias": False}, d, 64) == 33_280


@pytest.mark.parametrize(
    ("options", "spatial", "total"),
    [
        ({"name": "se"}, 0, 2_514_944 + 16_048),
        ({"name": "se", "bias": False}, 0, 2_514_944),
        ({"name": "fca"}, 0, 2_514_944),
        ({"name": "spse"}, 392_704, 2_923_696),
    ],
    ids=lambda case: case["name"] if isinstance(case, dict) else "",
)
def test_resnet50(options: dict[str, Any], spatial: int, total: int) -> None:
    assert sum(n * count(options, 2, channels) for channels, n in RESNET50.items()) == total
    if spatial:
        assert total - spatial == 2_514_944 + 16_048


@pytest.mark.parametrize(
    ("r", "weights"), [(2, 20_119_552), (4, 10_059_776), (8, 5_029_888), (16, 2_514_944), (32, 1_257_472)]
)
def test_squeeze_and_excitation_in_resnet50_by_reduction(r: int, weights: int) -> None:
    options = {"name": "se", "reduction": r, "bias": False}
    assert sum(n * count(options, 2, channels) for channels, n in RESNET50.items()) == weights


def test_resolution_guided_se_in_resnet50() -> None:
    stages = zip(RESNET50.items(), (8, 4, 2, 1), strict=True)
    total = sum(n * count({"name": "rgse", "grid": grid}, 2, channels) for (channels, n), grid in stages)
    assert total == 2_655_408
    assert total - 124_416 == 2_514_944 + 16_048


@DIMS
def test_efficient_channel_attention_in_resnet50(d: int) -> None:
    stages = list(zip(RESNET50.items(), (3, 5, 5, 7), strict=True))
    assert sum(n * count({"name": "eca", "kernel_size": k}, d, channels) for (channels, n), k in stages) == 80
    assert sum(n * count({"name": "eca"}, d, channels) for channels, n in RESNET50.items()) == 86


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


@pytest.mark.parametrize(("channels", "expected"), [(64, 1_688), (512, 25_648), (2048, 397_504)])
def test_coordinate_attention(channels: int, expected: int) -> None:
    assert count({"name": "coord"}, 2, channels) == expected
