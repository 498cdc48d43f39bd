"""The closed-form functions against the plain formulas, and parts of a feature map against the whole."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medse.attention.ops import tiles, tracing
from medse.attention.ops.pools import Bins, Mean, Pool, Profiles
from tests.support.attention_cases import DIMS, EVERY, LAYOUT, assert_close, build, features, gradients


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16], ids=str)
@DIMS
@EVERY
def test_slabs_change_nothing(
    options: dict[str, Any], spatial_dims: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = build(options, spatial_dims, 8).to(torch.promote_types(dtype, torch.float32))
    for layout in (torch.contiguous_format, LAYOUT[spatial_dims]):
        x = features(spatial_dims).to(dtype, memory_format=layout)
        weight = torch.randn_like(x)
        monkeypatch.undo()
        whole = gradients(block, x, weight)
        for slab in (7, 64, 100, 300, 800):  # a slice, some slices or channels, one sample, two samples
            monkeypatch.setattr(tiles, "SLAB", slab)
            if slab < x.numel():
                assert len(list(tiles.slabs(x, x.dtype))) > 1
            assert_close(gradients(block, x, weight), whole, 1e-10 if dtype == torch.float64 else 1e-2)


@DIMS
@pytest.mark.parametrize("pool", [Mean(), Profiles(), Bins((1, 2))], ids=lambda pool: type(pool).__name__)
def test_statistics_of_half_precision_are_float32(pool: Pool, spatial_dims: int) -> None:
    x = features(spatial_dims).bfloat16()
    torch.testing.assert_close(pool(x), pool(x.float()), rtol=1e-6, atol=1e-6)  # also compares the types


@EVERY
@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    batch=st.integers(1, 3),
    channels=st.integers(1, 20),
    spatial=st.lists(st.integers(1, 9), min_size=2, max_size=3),
    training=st.booleans(),
)
def test_lean_functions_equal_plain_formulas(
    options: dict[str, Any], batch: int, channels: int, spatial: list[int], training: bool
) -> None:
    channels = max(channels, options.get("reduction", 2), options.get("components", 1))
    block = build(options, len(spatial), channels, batch).double().train(training)
    x = torch.randn(batch, channels, *spatial, dtype=torch.float64)
    weight = torch.randn_like(x)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "eager", lambda: False)
        plain = gradients(block, x, weight)
    # PyTorch's own hardsigmoid has its sixth in single precision
    assert_close(gradients(block, x, weight), plain, 1e-7 if options.get("gate") == "hard_sigmoid" else 1e-8)
