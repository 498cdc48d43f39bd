"""Blocks are ordinary modules: what people do to the layers inside one is done, and odd inputs are met."""

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from medse.attention import ATTENTION, make_attention
from medse.errors import InputError
from tests.support.attention_cases import DIMS, EVERY, LAYOUT, build, features, gradients, small

NAMED = pytest.mark.parametrize("name", ATTENTION)
LAYERS = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def layers(block: nn.Module) -> dict[str, nn.Module]:
    return {name: module for name, module in block.named_modules() if isinstance(module, LAYERS)}


@DIMS
@NAMED
def test_quantized_it_is_nearly_the_block(name: str, spatial_dims: int) -> None:
    block, x = build(small(name), spatial_dims, 16).eval(), features(spatial_dims, 16)
    quantized = torch.ao.quantization.quantize_dynamic(copy.deepcopy(block), {nn.Linear})
    linear = [module for module in block.modules() if isinstance(module, nn.Linear)]
    assert len([m for m in quantized.modules() if type(m).__module__.startswith("torch.ao")]) >= len(linear)
    with torch.no_grad():
        assert (quantized(x) - block(x)).norm() <= 0.03 * block(x).norm()


class Wrapped(nn.Module):
    """A layer with a term of low rank beside it, as fine-tuning adds one: it has no ``weight`` of its own."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        self.share = nn.Parameter(torch.tensor(1.0))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layer(x)
        return y * self.share


@DIMS
@EVERY
def test_a_wrapped_layer_is_called(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8).eval(), features(spatial_dims)
    weight = torch.randn_like(x)
    plain = gradients(block, x, weight)
    for path in layers(block):
        other = copy.deepcopy(block)
        other.set_submodule(path, Wrapped(other.get_submodule(path)))
        ours = gradients(other, x, weight)
        assert ours.pop(f"{path}.share").abs() > 0
        for key, value in ours.items():
            torch.testing.assert_close(
                value, plain[key.replace(f"{path}.layer.", f"{path}.")], rtol=1e-4, atol=1e-4
            )


@DIMS
@EVERY
def test_hooks_of_layers_run_and_count(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8).eval(), features(spatial_dims)
    before = block(x)
    for path, layer in layers(block).items():
        seen: list[str] = []
        hook = layer.register_forward_hook(
            lambda _layer, _x, y, path=path, seen=seen: seen.append(path) or 0.5 * y
        )
        after = block(x)
        assert set(seen) == {path}
        assert not torch.allclose(after, before)
        hook.remove()
    torch.testing.assert_close(block(x), before)


def halved(layer: nn.Module) -> None:
    prune.custom_from_mask(layer, "weight", mask=torch.arange(layer.weight.numel()).view_as(layer.weight) % 2)


REPARAMETRIZED: dict[str, Callable[[nn.Module], Any]] = {
    "pruned": halved,
    "weight norm": parametrizations.weight_norm,
    "old weight norm": torch.nn.utils.weight_norm,
    "spectral norm": parametrizations.spectral_norm,
}


@pytest.mark.parametrize("kind", REPARAMETRIZED)
@DIMS
@NAMED
def test_weights_that_are_made_anew_are_trained(name: str, spatial_dims: int, kind: str) -> None:
    """Two steps: weights kept from before the first would fail in the second, or stay what they were."""
    block, x = build(small(name), spatial_dims, 16).eval(), features(spatial_dims, 16)
    for layer in layers(block).values():
        if layer.weight.numel() > 1:
            REPARAMETRIZED[kind](layer)
    optimizer = torch.optim.SGD(block.parameters(), lr=0.1) if list(block.parameters()) else None
    for _ in range(2):
        before = block(x).detach()
        if optimizer is None:
            return
        optimizer.zero_grad()
        block(x).square().mean().backward()
        assert all(parameter.grad is not None for parameter in block.parameters())
        optimizer.step()
        assert not torch.equal(block(x), before)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=["fp16", "bf16"])
@DIMS
@EVERY
def test_parameters_in_half_precision(options: dict[str, Any], spatial_dims: int, half: torch.dtype) -> None:
    block, x = build(options, spatial_dims, 8).eval(), features(spatial_dims)
    y = copy.deepcopy(block).to(half)(x.to(half))
    assert y.dtype == half
    assert (y.float() - block(x)).norm() <= 0.05 * block(x).norm()


@DIMS
@EVERY
def test_features_and_parameters_of_two_types(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8).eval(), features(spatial_dims)
    for features_type, parameters_type in ((torch.float64, torch.float32), (torch.float32, torch.float64)):
        y = copy.deepcopy(block).to(parameters_type)(x.to(features_type))
        assert y.dtype == features_type
        torch.testing.assert_close(y.float(), block(x), rtol=1e-4, atol=1e-5)


@DIMS
@EVERY
def test_no_sample_at_all(options: dict[str, Any], spatial_dims: int) -> None:
    block = build(options, spatial_dims, 8)
    before = {name: tensor.clone() for name, tensor in block.named_buffers()}
    for layout in (torch.contiguous_format, LAYOUT[spatial_dims]):
        for dtype in (torch.float32, torch.bfloat16):
            x = features(spatial_dims, dtype=dtype)[:0].contiguous(memory_format=layout)
            found = gradients(block, x, torch.ones_like(x))
            assert found.pop("y").shape == found.pop("x").shape == x.shape
            assert all(not gradient.any() for gradient in found.values())
            assert block.eval()(x).shape == x.shape
            block.train()
    assert all(torch.equal(tensor, before[name]) for name, tensor in block.named_buffers())


@DIMS
@EVERY
def test_a_part_without_gradient_leaves_the_others_theirs(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8).eval(), features(spatial_dims)
    weight = torch.randn_like(x)
    everything = gradients(block, x, weight)
    for frozen, _ in block.named_parameters():
        other = copy.deepcopy(block)
        other.get_parameter(frozen).requires_grad_(False)
        wanted = {name: p for name, p in other.named_parameters() if p.requires_grad}
        if wanted:
            found = torch.autograd.grad((other(x) * weight).sum(), list(wanted.values()))
            for name, gradient in zip(wanted, found, strict=True):
                torch.testing.assert_close(gradient, everything[name])
        assert (other(x.clone().requires_grad_()) * weight).sum().requires_grad


@DIMS
@EVERY
def test_saved_and_loaded_it_is_the_block(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8).eval(), features(spatial_dims)
    file = io.BytesIO()
    torch.save(block, file)
    torch.save(block.state_dict(), state := io.BytesIO())
    for stream in (file, state):
        stream.seek(0)
    other = make_attention(options, spatial_dims, 8).eval()
    other.load_state_dict(torch.load(state, weights_only=True))
    for again in (torch.load(file, weights_only=False), other, copy.deepcopy(block)):
        assert torch.equal(again(x), block(x))


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [((2, 7, 4, 5, 6), torch.float32), ((16, 4, 5, 6), torch.float32), ((2, 16, 4, 5, 6), torch.int64)],
    ids=["other channels", "no batch", "integers"],
)
@NAMED
def test_features_of_another_kind_are_refused(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    block = make_attention(small(name), 3, 16)
    with pytest.raises(
        InputError, match=r"allowed are \(batch, 16, depth, height, width\) of floating point"
    ):
        block(torch.ones(shape).to(dtype))
