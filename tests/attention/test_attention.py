"""The contract every attention block keeps, in 2-D and 3-D, and equality with the authors' own code."""

import itertools
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from medse.attention import ATTENTION, make_attention
from medse.errors import InputError

GOLDEN = Path(os.environ.get("MEDSE_GOLDEN", Path(__file__).parents[3] / "shared" / "golden"))
SPATIAL = {2: (7, 5), 3: (5, 3, 4)}
EVERY = pytest.mark.parametrize(("name", "spatial_dims"), list(itertools.product(ATTENTION, SPATIAL)))


def block_and_input(name: str, spatial_dims: int, channels: int = 64) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    block = make_attention(name, spatial_dims, channels)
    for parameter in block.parameters():
        nn.init.normal_(parameter)
    return block, torch.randn(2, channels, *SPATIAL[spatial_dims])


@EVERY
def test_shape_dtype_and_finiteness(name: str, spatial_dims: int) -> None:
    block, x = block_and_input(name, spatial_dims)
    y = block(x)
    assert y.shape == x.shape
    assert y.dtype == x.dtype
    assert y.isfinite().all()
    assert not torch.equal(y, x)


@EVERY
def test_permuting_the_axes_permutes_the_output(name: str, spatial_dims: int) -> None:
    block, x = block_and_input(name, spatial_dims)
    for order in itertools.permutations(range(2, 2 + spatial_dims)):
        torch.testing.assert_close(block(x.permute(0, 1, *order)), block(x).permute(0, 1, *order))


@EVERY
def test_every_parameter_gets_a_gradient(name: str, spatial_dims: int) -> None:
    block, x = block_and_input(name, spatial_dims)
    (block(x) * torch.randn_like(x)).sum().backward()
    largest = {key: p.grad.abs().max().item() for key, p in block.named_parameters() if p.grad is not None}
    assert largest.keys() == dict(block.named_parameters()).keys()
    assert min(largest.values()) > 1e-6 * max(largest.values())


@EVERY
def test_each_tensor_is_named_once_and_survives_a_round_trip(name: str, spatial_dims: int) -> None:
    block, x = block_and_input(name, spatial_dims)
    state = block.state_dict()
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    other = make_attention(name, spatial_dims, 64)
    other.load_state_dict(state)
    torch.testing.assert_close(other(x), block(x), rtol=0, atol=0)


@EVERY
def test_gradient_is_the_derivative(name: str, spatial_dims: int) -> None:
    block, _ = block_and_input(name, spatial_dims, channels=16)
    x = torch.randn(1, 16, *(3,) * spatial_dims, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(block.double(), (x,))


@EVERY
def test_one_voxel_axes_and_bf16(name: str, spatial_dims: int) -> None:
    block, _ = block_and_input(name, spatial_dims)
    x = torch.randn(1, 64, *(1,) * spatial_dims)
    assert block(x).isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert block(x).isfinite().all()


def test_none_is_the_identity() -> None:
    assert isinstance(make_attention(None, 3, 4), nn.Identity)


def test_options_and_factories() -> None:
    block: Any = make_attention({"name": "scse", "reduction": 4, "combine": "add"}, 2, 8)
    assert block.channel.fc1.out_features == 2
    x = torch.randn(1, 8, 3, 3)
    expected = block.channel(x) + block.spatial(x)
    torch.testing.assert_close(block(x), expected)
    assert isinstance(make_attention(lambda dims, channels: nn.Flatten(dims, channels), 2, 8), nn.Flatten)


@pytest.mark.parametrize("spatial_dims", SPATIAL)
def test_where_both_products_are_equal_the_gradient_is_split(spatial_dims: int) -> None:
    block, x = block_and_input("scse", spatial_dims)
    ours = x.relu().requires_grad_()  # zeros, where x * s and x * q tie
    theirs = ours.detach().clone().requires_grad_()
    weight = torch.randn_like(x)
    (block(ours) * weight).sum().backward()
    (
        torch.maximum(theirs * block.channel.gate(theirs), theirs * block.spatial.gate(theirs)) * weight
    ).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_bad_choices_are_explained() -> None:
    with pytest.raises(InputError, match="Unknown attention block 'scsee'; did you mean 'scse'?"):
        make_attention("scsee", 3, 8)
    with pytest.raises(InputError, match="reduction 16 does not fit 8 channels; allowed are 1 to 8"):
        make_attention("se", 3, 8)


AUTHOR_NAMES = {"cSE.": "channel.", "sSE.": "spatial."}
"""Prefixes in the authors' concurrent block -> ours; all other names are equal."""


def golden_cases() -> list[dict[str, Any]]:
    if not GOLDEN.is_dir():
        return []
    cases = json.loads((GOLDEN / "manifest.json").read_text())["cases"]
    return [
        c for c in cases if c["reference"].startswith("ai-med/squeeze") and not c["block"].startswith("pe")
    ]


@pytest.mark.skipif(not GOLDEN.is_dir(), reason="golden files of the authors' code are not on this machine")
@pytest.mark.parametrize("case", golden_cases(), ids=lambda case: str(case["file"]))
def test_equals_the_authors_code(case: dict[str, Any]) -> None:
    name = case["block"].removesuffix("3d")
    stored, inputs = np.load(GOLDEN / case["file"]), np.load(GOLDEN / case["input_file"])
    x = torch.from_numpy(inputs["x"]).requires_grad_()
    options = {"name": name} | ({} if name == "sse" else {"reduction": case["ctor"]["reduction_ratio"]})
    block = make_attention(options, case["spatial_dims"], x.shape[1])

    def ours(key: str) -> str:
        for theirs, mine in AUTHOR_NAMES.items():
            key = key.replace(theirs, mine)
        return key

    names = {key: ours(key) for key in case["state_dict"]}
    block.load_state_dict({names[key]: torch.from_numpy(stored[f"sd/{key}"]) for key in names})
    y = block(x)
    (y * torch.from_numpy(inputs["r"])).sum().backward()
    tolerance = {"atol": case["atol"], "rtol": case["rtol"]}
    torch.testing.assert_close(y.detach(), torch.from_numpy(stored["y_eval"]), **tolerance)
    torch.testing.assert_close(x.grad, torch.from_numpy(stored["gx_eval"]), **tolerance)
    for key, parameter in block.named_parameters():
        theirs = next(k for k in names if names[k] == key)
        torch.testing.assert_close(parameter.grad, torch.from_numpy(stored[f"pg_eval/{theirs}"]), **tolerance)
    assert sum(p.numel() for p in block.parameters()) == case["n_params"]
