"""The two ends of a block: reading a small tensor from a feature map, and multiplying the map by gates."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from medse.attention.ops.again import gradients_again
from medse.attention.ops.pools import Pool
from medse.attention.ops.tiles import (
    Scratch,
    add_part,
    finish,
    laid_out_like,
    slabs,
    statistics_dtype,
    working_dtype,
)


def squeeze(x: Tensor, pool: Pool) -> tuple[Tensor, Tensor]:
    """Return ``x`` and what ``pool`` reads from it.

    The ``x`` returned shares its memory with the one given. Only the functions of this package may use it: the
    backward pass writes into the gradient that reaches it.
    """
    return _Squeeze.apply(x, pool)  # type: ignore[no-any-return,no-untyped-call]


def scale(x: Tensor, *gates: Tensor) -> Tensor:
    """Return ``x`` times every gate, in its shape and type.

    Args:
        x: ``(B, C, *spatial)``.
        gates: Tensors of as many axes, each of length 1 or of that of ``x``.
    """
    return _Scale.apply(x, *gates)  # type: ignore[no-any-return,no-untyped-call]


class _Squeeze(Function):
    """Keeps nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pool: Pool) -> tuple[Tensor, Tensor]:
        ctx.pool = pool
        return x.view_as(x), pool(x)

    @staticmethod
    def backward(ctx: Any, dx: Tensor, numbers: Tensor) -> tuple[Tensor, None]:
        if torch.is_grad_enabled():  # to be differentiated again: the gradient given stays as it is
            dx = dx.clone()
        ctx.pool.spread(numbers, dx)
        return dx, None


class _Scale(Function):
    """Keeps ``x`` and the gates."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, *gates: Tensor) -> Tensor:
        ctx.save_for_backward(x, *gates)
        first, *others = [laid_out_like(x, gate.to(x.dtype)) for gate in gates]
        y = x * first
        for gate in others:
            y.mul_(gate)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, ...]:
        x, *gates = ctx.saved_tensors
        if torch.is_grad_enabled():
            return gradients_again(_product, (x, *gates), g)
        dx = torch.empty_like(x)
        totals = [torch.zeros_like(gate, dtype=statistics_dtype(x)) for gate in gates]
        dtype = working_dtype(x)
        factors = [laid_out_like(x, gate.to(dtype)) for gate in gates]
        scratch = [Scratch(dtype) for _ in range(4 + len(gates))]
        for slab in slabs(x, dtype, whole_planes=x.stride(1) != 1, share=16):
            grad, products = scratch[0].load(slab.of(g)), [scratch[1].load(slab.of(x))]
            parts = [slab.of(factor) for factor in factors]
            out = scratch[2].draft(slab.of(dx))
            spare = scratch[3].like(out) if len(gates) > 1 else out
            for part, memory in zip(parts[:-1], scratch[4:], strict=False):
                products.append(torch.mul(products[-1], part, out=memory.like(out)))
            for part, total, product in reversed(list(zip(parts, totals, products, strict=True))):
                add_part(total, slab, torch.mul(grad, product, out=spare))
                grad = torch.mul(grad, part, out=out)
            finish(slab.of(dx), out)
        return dx, *(total.to(gate.dtype) for total, gate in zip(totals, gates, strict=True))


def _product(x: Tensor, *gates: Tensor) -> Tensor:
    """Return what :func:`scale` does, by plain operations."""
    for gate in gates:
        x = x * gate.to(x.dtype)
    return x
