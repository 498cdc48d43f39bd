"""The contract every attention block keeps, in 2-D and 3-D, whatever the block."""

import copy
import itertools
import json
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from medse.attention import ATTENTION, DERIVED, Attention, attach, detach, make_attention
from medse.attention.block import AttentionBlock
from medse.attention.coordinate import CoordinateAttention
from medse.attention.fca.spectral import SpectralAttention
from medse.attention.table import guide
from medse.config.run import SegmentationConfig
from medse.errors import InputError
from medse.registry import options_model

SPATIAL = {2: (7, 5), 3: (5, 3, 4)}
EVERY = pytest.mark.parametrize(("name", "spatial_dims"), list(itertools.product(ATTENTION, SPATIAL)))


def block_and_input(name: str, spatial_dims: int, channels: int = 64) -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(1)  # of the hidden units of every block, some are alive
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
    for order in itertools.permutations(range(spatial_dims)):
        axes = (0, 1, *(axis + 2 for axis in order))
        result = permuted(block, order)(x.permute(axes))
        torch.testing.assert_close(result, block(x).permute(axes), rtol=1e-4, atol=1e-5)


def permuted(block: nn.Module, order: tuple[int, ...]) -> nn.Module:
    """Return the block with what it knows of single axes (kernels, one convolution per axis) in another order."""
    other = copy.deepcopy(block)
    for module in other.modules():
        if isinstance(module, CoordinateAttention):
            module.expand = nn.ModuleList(module.expand[axis] for axis in order)
        elif isinstance(module, SpectralAttention):
            module.indices = [tuple(index[axis] for axis in order) for index in module.indices]
        elif isinstance(module, nn.Conv2d | nn.Conv3d) and module.weight.ndim == 2 + len(order):
            module.weight.data = module.weight.data.permute(0, 1, *(axis + 2 for axis in order)).contiguous()
    return other


@EVERY
def test_every_parameter_gets_a_gradient(name: str, spatial_dims: int) -> None:
    block, x = block_and_input(name, spatial_dims)
    block.eval()  # in training, batch normalisation removes the biases before it
    (block(x.requires_grad_()) * torch.randn_like(x)).sum().backward()
    largest = {key: p.grad.abs().max().item() for key, p in block.named_parameters() if p.grad is not None}
    assert largest.keys() == dict(block.named_parameters()).keys()
    assert all(0 < value < float("inf") for value in largest.values())


@EVERY
def test_each_tensor_is_named_once_and_survives_a_round_trip(name: str, spatial_dims: int) -> None:
    block, x = block_and_input(name, spatial_dims)
    state = block.state_dict()
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    other = make_attention(name, spatial_dims, 64)
    other.load_state_dict(state)
    torch.testing.assert_close(other(x), block(x), rtol=0, atol=0)


@EVERY
def test_attaching_it_changes_a_net_and_detaching_gives_it_back(name: str, spatial_dims: int) -> None:
    net = nn.Sequential((nn.Conv2d if spatial_dims == 2 else nn.Conv3d)(1, 64, 1), nn.Tanh()).eval()
    x = torch.randn(2, 1, *SPATIAL[spatial_dims])
    before = net(x)
    assert attach(net, name, "0") == ["0"]
    assert not torch.equal(net(x), before)
    detach(net)
    assert torch.equal(net(x), before)


@pytest.mark.parametrize("name", ATTENTION)
def test_a_configuration_and_its_schema_take_the_name_and_the_options(name: str) -> None:
    member = options_model(ATTENTION[name], DERIVED, name)
    assert member.__doc__
    assert f'"const":"{name}"' in json.dumps(SegmentationConfig.model_json_schema(), separators=(",", ":"))
    adapter, chosen = TypeAdapter[Any](Attention), member(name=name).model_dump()
    for given in (name, chosen):
        taken = adapter.validate_python(given)
        assert (taken.name, taken.model_dump().keys()) == (name, chosen.keys())
    with pytest.raises(ValidationError, match="unheard_of"):
        adapter.validate_python({"name": name, "unheard_of": 1})


@EVERY
def test_one_voxel_axes_and_bf16(name: str, spatial_dims: int) -> None:
    block, _ = block_and_input(name, spatial_dims)
    x = torch.randn(1, 64, *(1,) * spatial_dims)
    assert block(x).isfinite().all()
    with torch.autocast("cpu", torch.bfloat16):
        assert block(x).isfinite().all()


def test_none_is_the_identity() -> None:
    assert isinstance(make_attention(None, 3, 4), nn.Identity)
    assert isinstance(make_attention("none", 3, 4), nn.Identity)


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
    (torch.maximum(block.channel(theirs), block.spatial(theirs)) * weight).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_a_block_that_leaves_out_what_it_is_for_is_no_class() -> None:
    with pytest.raises(
        TypeError, match=r"Silent does not say its title, papers, what, use, parameter_formula"
    ):
        type("Silent", (AttentionBlock,), {})


def test_the_guide_names_blocks_for_every_purpose() -> None:
    assert guide()["segmentation"] == ["scse", "coord"]
    assert all(guide().values())


def test_bad_choices_are_explained() -> None:
    with pytest.raises(InputError, match="Unknown attention block 'scsee'; did you mean 'scse'?"):
        make_attention("scsee", 3, 8)
    with pytest.raises(InputError, match="reduction 16 does not fit 8 channels; allowed are 1 to 8"):
        make_attention("se", 3, 8)
