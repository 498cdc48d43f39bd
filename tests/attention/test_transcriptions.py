"""Equality with float64 NumPy transcriptions of the formulas: outputs, input gradients, running statistics."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from medse.attention import make_attention
from tests.support.transcriptions import Array, State, transcribe

GATES = ("sigmoid", "hard_sigmoid", "relu", "tanh")
PLAIN: list[dict[str, Any]] = [
    {"name": "se", "reduction": 3},
    {"name": "se", "reduction": 6, "bias": False},
    {"name": "cse"},
    {"name": "cse", "reduction": 1, "bias": False},
    {"name": "sse"},
    {"name": "sse", "bias": False},
    {"name": "scse"},
    {"name": "scse", "combine": "add", "reduction": 3},
    {"name": "scse", "combine": "mul", "bias": False},
    {"name": "scse", "combine": "concat"},
    {"name": "scse", "combine": "concat", "bias": False},
    {"name": "pe"},
    {"name": "pe", "reduction": 4},
    {"name": "eca"},
    {"name": "eca", "kernel_size": 5},
    {"name": "eca", "kernel_size": 3, "shared": False},
    {"name": "eca", "kernel_size": 13},
    {"name": "eca", "gamma": 0.5, "b": 2.0, "shared": False},
    {"name": "coord"},
    {"name": "coord", "reduction": 2, "min_channels": 1},
    {"name": "coord", "min_channels": 5},
    {"name": "simam"},
    {"name": "simam", "lambda": 0.1},
    {"name": "spse", "reduction": 3},
    {"name": "spse", "reduction": 2, "levels": (3,)},
    {"name": "spse", "reduction": 1, "levels": (5, 2)},
    {"name": "rgse", "reduction": 3},
    {"name": "rgse", "reduction": 2, "grid": 1},
    {"name": "rgse", "reduction": 6, "grid": 2},
    {"name": "cbam", "reduction": 3},
    {"name": "cbam", "reduction": 2, "kernel_size": 3},
    {"name": "cbam", "reduction": 1, "kernel_size": 1},
    {"name": "hybrid"},
    {"name": "hybrid", "blocks": ("scse", {"name": "simam", "lambda": 0.1}, "pe"), "combine": "max"},
    {"name": "hybrid", "blocks": ({"name": "cbam", "reduction": 2}, "sse", "cse"), "combine": "add"},
    {"name": "hybrid", "blocks": ({"name": "spse", "reduction": 2}, {"name": "rgse", "reduction": 2}, "eca")},
]
GATED: list[dict[str, Any]] = [
    {**options, "gate": gate}
    for options in (
        {"name": "se", "reduction": 3},
        {"name": "cse"},
        {"name": "sse"},
        *({"name": "scse", "combine": combine} for combine in ("max", "add", "mul", "concat")),
        {"name": "pe"},
        {"name": "eca"},
        {"name": "coord"},
        {"name": "simam"},
        {"name": "spse", "reduction": 2},
        {"name": "rgse", "reduction": 2},
        {"name": "cbam", "reduction": 2},
    )
    for gate in GATES[1:]
]
CASES = PLAIN + GATED
SHAPES = {
    2: [(3, 6, 7, 5), (1, 7, 8, 4), (2, 6, 1, 6), (2, 8, 9, 1), (1, 6, 1, 1)],
    3: [(3, 6, 5, 3, 4), (1, 7, 4, 8, 4), (2, 6, 1, 5, 4), (2, 8, 3, 1, 1), (1, 6, 1, 1, 1)],
}
EVERY = pytest.mark.parametrize("options", CASES, ids=lambda options: "-".join(map(str, options.values())))
DIMS = pytest.mark.parametrize("spatial_dims", SHAPES)
NORMALIZED = ("coord", "spse", "rgse", "cbam", "hybrid")
"""Blocks with batch normalisation."""


def build(options: dict[str, Any], spatial_dims: int, channels: int) -> nn.Module:
    """Return a float64 block whose weights, biases and running statistics are random."""
    random = torch.Generator().manual_seed(channels + 100 * spatial_dims)
    block = make_attention(options, spatial_dims, channels).double()
    for name, tensor in block.state_dict().items():
        if tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape, generator=random, dtype=tensor.dtype))
            if name.endswith("running_var"):
                tensor.abs_().add_(0.1)
    return block


def state_of(block: nn.Module) -> State:
    return {name: tensor.numpy().copy() for name, tensor in block.state_dict().items()}


def compared(options: dict[str, Any], shapes: list[tuple[int, ...]]) -> Iterator[tuple[nn.Module, Array]]:
    """Return blocks and inputs: in evaluation and, where that differs, in training."""
    for shape in shapes:
        for training in (False, True) if options["name"] in NORMALIZED else (False,):
            block = build(options, len(shape) - 2, shape[1]).train(training)
            yield block, np.random.default_rng(0).normal(1, 2, shape)


@DIMS
@EVERY
def test_output_and_running_statistics(options: dict[str, Any], spatial_dims: int) -> None:
    for block, x in compared(options, SHAPES[spatial_dims]):
        state = state_of(block)
        expected = transcribe(x, state, options, training=block.training)
        case = f"{x.shape} {block.training}"
        y = block(torch.from_numpy(x)).detach()
        np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12, err_msg=case)
        for name, tensor in state_of(block).items():
            if not name.endswith("num_batches_tracked"):
                np.testing.assert_allclose(
                    tensor, state[name], rtol=1e-12, atol=1e-14, err_msg=f"{name} {case}"
                )


@DIMS
@EVERY
def test_input_gradient(options: dict[str, Any], spatial_dims: int) -> None:
    shapes = [(3, 6, 3, 2), (1, 6, 1, 3)] if spatial_dims == 2 else [(3, 6, 2, 1, 3)]
    for block, x in compared(options, shapes):
        state, r = state_of(block), np.random.default_rng(1).normal(size=x.shape)
        ours = torch.from_numpy(x).requires_grad_()
        (block(ours) * torch.from_numpy(r)).sum().backward()
        loss = partial(weighted_sum, r=r, state=state, options=options, training=block.training)
        expected = differences(loss, x)
        close = {"rtol": 1e-6, "atol": 1e-7 * np.abs(expected).max()}
        np.testing.assert_allclose(ours.grad, expected, err_msg=f"{x.shape} {block.training}", **close)


def weighted_sum(x: Array, *, r: Array, state: State, options: dict[str, Any], training: bool) -> float:
    return float((transcribe(x, dict(state), options, training=training) * r).sum())


def differences(function: Callable[[Array], float], x: Array) -> Array:
    """Return the gradient of a function of ``x`` by central differences."""
    gradient, step = np.empty_like(x), 2e-6
    for index in np.ndindex(x.shape):
        moved = x.copy()
        moved[index] = x[index] + step
        above = function(moved)
        moved[index] = x[index] - step
        gradient[index] = (above - function(moved)) / (2 * step)
    return gradient
