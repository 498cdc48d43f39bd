"""Every block under the transforms of ``torch.func``, in forward mode, and differentiated twice.

Eager mode runs closed-form functions; these see the plain formula, or in a second derivative its gradient.
"""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jacrev, jvp, stack_module_state, vmap

from medse.attention import ATTENTION
from tests.support.attention_cases import DIMS, EVERY, build, small


def made(options: dict[str, Any], spatial_dims: int, seed: int = 0) -> nn.Module:
    return build(options, spatial_dims, 4, seed).double().eval()


def maps(spatial_dims: int, *leading: int) -> Tensor:
    return torch.randn(*leading, 4, *(4, 3, 2)[:spatial_dims], dtype=torch.float64)


def same(ours: Tensor, theirs: Tensor) -> None:
    # PyTorch's own hardsigmoid has its sixth in single precision
    torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-7)


@DIMS
@EVERY
def test_vmap_is_the_loop(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = made(options, spatial_dims), maps(spatial_dims, 3, 2)
    same(vmap(block)(x), torch.stack([block(each) for each in x]))


@DIMS
@EVERY
def test_vmap_over_the_weights_of_several_blocks(options: dict[str, Any], spatial_dims: int) -> None:
    blocks, x = [made(options, spatial_dims, seed) for seed in range(2)], maps(spatial_dims, 2)
    parameters, buffers = stack_module_state(blocks)
    if not parameters:
        return  # nothing to stack
    ours = vmap(lambda *state: functional_call(blocks[0], state, (x,)))(parameters, buffers)
    same(ours, torch.stack([block(x) for block in blocks]))


@DIMS
@EVERY
def test_gradients_of_single_samples_are_those_of_autograd(
    options: dict[str, Any], spatial_dims: int
) -> None:
    block, x = made(options, spatial_dims), maps(spatial_dims, 3)
    weight = maps(spatial_dims)
    parameters = {name: value.detach() for name, value in block.named_parameters()}

    def loss(values: dict[str, Tensor], sample: Tensor) -> Tensor:
        return (functional_call(block, values, (sample[None],))[0] * weight).sum()

    of_values, of_x = vmap(grad(loss, argnums=(0, 1)), in_dims=(None, 0))(parameters, x)
    for n, sample in enumerate(x):
        given = sample.clone().requires_grad_()
        names, values = zip(*block.named_parameters(), strict=True) if parameters else ((), ())
        theirs = torch.autograd.grad((block(given[None])[0] * weight).sum(), (given, *values))
        for name, value in zip(("", *names), theirs, strict=True):
            same((of_values[name] if name else of_x)[n], value)


@DIMS
@EVERY
def test_forward_mode_is_the_difference_of_two_outputs(options: dict[str, Any], spatial_dims: int) -> None:
    block, x, step = made(options, spatial_dims), maps(spatial_dims, 2), 1e-6 * maps(spatial_dims, 2)
    expected = (block(x + step) - block(x - step)) / 2
    y, along = jvp(block, (x,), (step,))
    with forward_ad.dual_level():
        dual = forward_ad.unpack_dual(block(forward_ad.make_dual(x, step)))
    same(y, block(x))
    for tangent in (along, dual.tangent):
        torch.testing.assert_close(tangent, expected, rtol=0, atol=2e-4 * expected.abs().max().item())


@DIMS
@pytest.mark.parametrize("name", ATTENTION)
def test_jacobian_is_that_of_autograd(name: str, spatial_dims: int) -> None:
    block = build(small(name), spatial_dims, 16).double().eval()
    x = torch.randn(1, 16, *(2, 1, 2)[:spatial_dims], dtype=torch.float64)
    same(jacrev(block)(x), torch.autograd.functional.jacobian(block, x))


@pytest.mark.parametrize("training", [False, True], ids=["eval", "train"])
@DIMS
@EVERY
def test_second_derivatives(options: dict[str, Any], spatial_dims: int, training: bool) -> None:
    block = made(options, spatial_dims).train(training)
    if (training and not list(block.buffers())) or options.get("gate") == "hard_sigmoid":
        return  # the same as in evaluation; of hardsigmoid, PyTorch has no second derivative
    names, parameters = zip(*block.named_parameters(), strict=True) if list(block.parameters()) else ((), ())
    x = torch.randn(3, 4, *(2, 2, 1)[:spatial_dims], dtype=torch.float64, requires_grad=True)

    def run(x: Tensor, *values: Tensor) -> Tensor:
        return functional_call(block, dict(zip(names, values, strict=True)), (x,))

    assert torch.autograd.gradgradcheck(run, (x, *parameters), fast_mode=True, atol=1e-4)


@DIMS
@EVERY
def test_a_recorded_gradient_is_the_gradient(options: dict[str, Any], spatial_dims: int) -> None:
    block, x = made(options, spatial_dims), maps(spatial_dims, 2).requires_grad_()
    given = (x, *block.parameters())
    loss = (block(x) * maps(spatial_dims, 2)).sum()
    plain = torch.autograd.grad(loss, given, retain_graph=True)
    recorded = torch.autograd.grad(loss, given, create_graph=True)
    for ours, theirs in zip(recorded, plain, strict=True):
        same(ours, theirs)
