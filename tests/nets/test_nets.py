"""The contract every network keeps, with and without every attention block, in 2-D and 3-D."""

import itertools
from typing import Any

import pytest
import torch
from torch import nn

from medse.attention import ATTENTION
from medse.errors import InputError
from medse.nets import NETS

CHANNELS = {None: (8, 16, 16)} | dict.fromkeys(("se", "fca", "spse", "rgse", "cbam"), (96, 96, 96))
"""Widths at which the hidden layer of a gate has several units: a single one may be a dead ReLU."""
EVERY = pytest.mark.parametrize(
    ("name", "spatial_dims", "attention"), list(itertools.product(NETS, (2, 3), [None, *ATTENTION]))
)


def build(name: str, spatial_dims: int, attention: str | None, **options: Any) -> nn.Module:
    torch.manual_seed(0)
    channels = CHANNELS.get(attention, (32, 32, 32))
    return NETS[name](spatial_dims, 2, 3, channels=channels, attention=attention, **options)


@EVERY
@torch.no_grad()
def test_any_size_keeps_its_shape(name: str, spatial_dims: int, attention: str | None) -> None:
    net = build(name, spatial_dims, attention).eval()
    for size in ((16, 8, 8), (9, 13, 11), (17, 5, 3)):
        x = torch.randn(1, 2, *size[:spatial_dims])
        assert net(x).shape == (1, 3, *size[:spatial_dims])


@EVERY
def test_every_parameter_gets_a_gradient(name: str, spatial_dims: int, attention: str | None) -> None:
    net = build(name, spatial_dims, attention, deep_supervision=True).train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eval()  # those of attention blocks would remove the biases before them
    for key, parameter in net.named_parameters():
        if key.endswith("fc1.bias"):
            nn.init.ones_(parameter)  # no gate whose hidden units are all dead
    logits = net(torch.randn(2, 2, *(8,) * spatial_dims))
    torch.stack([(level * torch.randn_like(level)).sum() for level in logits]).sum().backward()
    largest = {key: p.grad.abs().max().item() for key, p in net.named_parameters() if p.grad is not None}
    assert largest.keys() == dict(net.named_parameters()).keys()
    # A bias before an instance norm has no gradient; in these nets only up-sampling convolutions have one,
    # and its constant shift passes a convolution before it meets a norm, so that borders still feel it.
    assert min(largest.values()) > 1e-6 * max(largest.values()), min(largest, key=lambda k: largest[k])


@EVERY
def test_each_tensor_is_named_once_and_survives_a_round_trip(
    name: str, spatial_dims: int, attention: str | None
) -> None:
    net = build(name, spatial_dims, attention).eval()
    state = net.state_dict()
    assert len({tensor.data_ptr() for tensor in state.values()}) == len(state)
    other = build(name, spatial_dims, attention).eval()
    nn.init.zeros_(next(other.parameters()))
    other.load_state_dict(state)
    x = torch.randn(1, 2, *(8,) * spatial_dims)
    torch.testing.assert_close(other(x), net(x), rtol=0, atol=0)


@EVERY
def test_a_bf16_step_is_finite(name: str, spatial_dims: int, attention: str | None) -> None:
    net = build(name, spatial_dims, attention).train()
    with torch.autocast("cpu", torch.bfloat16):
        loss = net(torch.randn(2, 2, *(8,) * spatial_dims)).float().square().mean()
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_deep_supervision_returns_finest_first_only_while_training() -> None:
    net = NETS["unet"](3, 2, 3, channels=(4, 8, 8, 8), deep_supervision=True)
    x = torch.randn(2, 2, 32, 16, 16)
    assert [tuple(level.shape[2:]) for level in net.train()(x)] == [(32, 16, 16), (16, 8, 8), (8, 4, 4)]
    assert net.eval()(x).shape == (2, 3, 32, 16, 16)


@pytest.mark.parametrize("norm", ["instance", "batch", "group"])
def test_norms(norm: str) -> None:
    kinds = {type(m).__name__ for m in build("unet", 3, None, norm=norm).modules()}
    assert {"instance": "InstanceNorm3d", "batch": "BatchNorm3d", "group": "GroupNorm"}[norm] in kinds


@pytest.mark.parametrize("attention", ATTENTION)
def test_attention_stands_after_every_encoder_and_decoder_block_but_not_the_bottleneck(
    attention: str,
) -> None:
    net = NETS["unet"](3, 1, 2, channels=(16, 32, 32, 64), attention=attention)
    kind = ATTENTION[attention]
    places = [name for name, module in net.named_modules() if type(module) is kind]
    assert places == [f"encoders.{i}.2" for i in range(3)] + [f"decoders.{i}.2" for i in range(3)]


def test_bad_options_are_explained() -> None:
    with pytest.raises(InputError, match="spatial_dims is 1; allowed are 2 and 3"):
        NETS["unet"](1, 1, 2)
    with pytest.raises(InputError, match=r"channels is \(8,\); at least two"):
        NETS["unet"](2, 1, 2, channels=(8,))
    with pytest.raises(InputError, match="must be a multiple of 8"):
        NETS["unet"](2, 1, 2, channels=(8, 12), norm="group")
