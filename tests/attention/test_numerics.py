"""Derivatives, precision, memory layouts and modes of autograd, for every block and option in 2-D and 3-D."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

from medse.attention.ops import tiles
from tests.support.attention_cases import (
    DIMS,
    EVERY,
    LAYOUT,
    assert_close,
    build,
    features,
    gradients,
)

HALVES = pytest.mark.parametrize("half", [torch.bfloat16, torch.float16], ids=["bf16", "fp16"])


def relative(ours: Tensor, theirs: Tensor) -> float:
    return ((ours.float() - theirs.float()).norm() / theirs.float().norm()).item()


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@DIMS
@EVERY
def test_derivatives_for_input_and_parameters(
    options: dict[str, Any], spatial_dims: int, training: bool
) -> None:
    block = build(options, spatial_dims, 4).double().train(training)
    if training and not list(block.buffers()):
        return  # the same as in evaluation
    names, parameters = zip(*block.named_parameters(), strict=True) if list(block.parameters()) else ((), ())
    x = torch.randn(3, 4, *(2, 2, 1)[:spatial_dims], dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return functional_call(block, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradcheck(run, (x, *parameters), fast_mode=True)


@DIMS
@EVERY
def test_two_runs_are_bit_equal(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8), features(spatial_dims)
    weight = torch.randn_like(x)
    first, second = (gradients(block, x, weight) for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("how", ["half", "half under autocast", "float32 under autocast"])
@HALVES
@DIMS
@EVERY
def test_half_precision(options: dict[str, Any], spatial_dims: int, half: torch.dtype, how: str) -> None:
    for seed in range(2):
        block = build(options, spatial_dims, 8, seed)
        x = features(spatial_dims).to(half if how.startswith("half") else torch.float32)
        weight = torch.randn_like(x)
        exact = gradients(block, x.float(), weight.float())
        with torch.autocast("cpu", half) if "autocast" in how else nullcontext():
            ours = gradients(block, x, weight)
        assert ours["y"].dtype == ours["x"].dtype == x.dtype
        assert relative(ours["y"], exact["y"]) <= 2e-2
        assert relative(ours["x"], exact["x"]) <= 2e-2
        assert all(ours[name].dtype == torch.float32 for name, _ in block.named_parameters())


@pytest.mark.parametrize("on_cpu", [True, False], ids=["CPU", "elsewhere"])
@DIMS
@EVERY
def test_statistics_are_not_rounded_to_half(
    options: dict[str, Any], spatial_dims: int, on_cpu: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if options["name"] in ("sse", "hybrid"):
        return  # the score of sse is a product with the features, in their type; a hybrid's second block gets y
    monkeypatch.setattr(tiles, "on_cpu", lambda _: on_cpu)
    block = build(options, spatial_dims, 8)
    x = (features(spatial_dims) + 30).bfloat16()  # a mean far above the deviations
    exact = gradients(block, x.float(), torch.ones(x.shape))
    assert relative(gradients(block, x, torch.ones_like(x))["y"], exact["y"]) <= 2e-2


@HALVES
@DIMS
@pytest.mark.parametrize("name", ["pe", "simam"])
def test_gates_of_half_precision_are_computed_in_float32_on_any_device(
    name: str, spatial_dims: int, half: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "on_cpu", lambda _: False)
    block, x = build({"name": name}, spatial_dims, 8), features(spatial_dims).to(half)
    weight = torch.randn_like(x)
    ours, exact = gradients(block, x, weight), gradients(block, x.float(), weight.float())
    rounding = torch.finfo(half).eps / 2
    assert ((ours["y"].float() - exact["y"]).abs() <= 1.01 * rounding * exact["y"].abs()).all()
    for key in ours.keys() - {"y"}:
        assert relative(ours[key], exact[key]) <= 2 * rounding, key


@DIMS
def test_rounding_does_not_pick_other_maxima(spatial_dims: int) -> None:
    for seed in range(5):
        block = build({"name": "cbam", "reduction": 4}, spatial_dims, 16, seed)
        x = torch.randn(3, 16, *(16, 15, 3)[:spatial_dims]).bfloat16()
        weight = torch.randn_like(x)
        exact = gradients(block, x.float(), weight.float())
        assert relative(gradients(block, x, weight)["x"], exact["x"]) <= 2e-2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@DIMS
@EVERY
def test_memory_format_is_kept(options: dict[str, Any], spatial_dims: int, dtype: torch.dtype) -> None:
    block = build(options, spatial_dims, 8)
    for layout in (torch.contiguous_format, LAYOUT[spatial_dims]):
        x = features(spatial_dims, dtype=dtype).contiguous(memory_format=layout)
        found = gradients(block, x, torch.randn_like(x))
        assert found["y"].is_contiguous(memory_format=layout)
        assert found["x"].is_contiguous(memory_format=layout)


VIEWS: dict[str, Callable[[Tensor], Tensor]] = {
    "every second": lambda x: x.repeat_interleave(2, 2)[:, :, ::2],
    "some channels": lambda x: torch.cat((x, x), 1)[:, 4:12],
    "permuted": lambda x: x.transpose(2, 3),
    "batch last": lambda x: x.movedim(0, -1).contiguous().movedim(-1, 0),
    "one sample expanded": lambda x: x[:1].expand(x.shape),
    "one column expanded": lambda x: x[:, :, :, :1].expand(x.shape),
    "channels last": lambda x: x.contiguous(memory_format=LAYOUT[x.ndim - 2]),
    "some of channels last": lambda x: VIEWS["channels last"](torch.cat((x, x), 1))[:, 4:12],
}


@DIMS
@EVERY
def test_any_strides(options: dict[str, Any], spatial_dims: int) -> None:
    block = build(options, spatial_dims, 8).double()
    for view in VIEWS.values():
        x = view(features(spatial_dims, dtype=torch.float64))
        weight = torch.randn(1, *x.shape[1:-1], 1, dtype=torch.float64).expand(x.shape)
        plain = gradients(block, x.clone(memory_format=torch.contiguous_format), weight.contiguous())
        assert_close(gradients(block, x, weight), plain, 1e-10)


@DIMS
@EVERY
def test_only_what_is_asked_for_is_differentiated(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8).double(), features(spatial_dims, dtype=torch.float64)
    weight = torch.randn_like(x)
    everything = gradients(block, x, weight)
    parameters = dict(block.named_parameters())
    if parameters:
        given = torch.autograd.grad((block(x) * weight).sum(), list(parameters.values()))
        for name, gradient in zip(parameters, given, strict=True):
            torch.testing.assert_close(gradient, everything[name], rtol=1e-12, atol=1e-12)
    block.requires_grad_(False)
    x.requires_grad_()
    y = block(x)
    for _ in range(2):
        (y * weight).sum().backward(retain_graph=True)
    torch.testing.assert_close(x.grad, 2 * everything["x"], rtol=1e-12, atol=1e-12)
    assert all(parameter.grad is None for parameter in block.parameters())


@DIMS
@EVERY
def test_without_gradients(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = build(options, spatial_dims, 8).eval(), features(spatial_dims).requires_grad_()
    expected, kept = block(x).detach(), x.detach().clone()
    for switch in (torch.no_grad(), torch.inference_mode()):
        with switch:
            y = block(x)
        assert torch.equal(y, expected)
        assert not y.requires_grad
    assert torch.equal(x.detach(), kept)
