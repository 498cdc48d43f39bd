"""Multiplication of a feature map by gates."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from medse.attention.ops.eager import lean, statistics_dtype
from medse.attention.ops.tiles import Scratch, Slab, finish, laid_out_like, slabs, working_dtype


def scale(x: Tensor, *gates: Tensor) -> Tensor:
    """Return ``x`` times every gate.

    Args:
        x: ``(B, C, *spatial)``.
        gates: Tensors of as many axes, each of length 1 or of that of ``x``.

    Shape:
        As ``x``, and in its type.
    """
    if lean():
        return _Scale.apply(x, *gates)  # type: ignore[no-any-return,no-untyped-call]
    return _product(x, gates)


def add_part(total: Tensor, slab: Slab, part: Tensor) -> None:
    """Add what a slab contributes to a gate's gradient: ``part``, summed over the axes that the gate shares."""
    target = slab.of(total)
    shared = [
        axis for axis, (few, many) in enumerate(zip(target.shape, part.shape, strict=True)) if few < many
    ]
    target += part.sum(shared, keepdim=True, dtype=total.dtype) if shared else part


def _product(x: Tensor, gates: tuple[Tensor, ...]) -> Tensor:
    for gate in gates:
        x = x * gate.to(x.dtype)
    return x


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
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, ...]:
        x, *gates = ctx.saved_tensors
        dx = torch.empty_like(x)
        totals = [torch.zeros_like(gate, dtype=statistics_dtype(x)) for gate in gates]
        factors = [laid_out_like(x, gate.to(working_dtype(x))) for gate in gates]
        scratch = [Scratch() for _ in range(4 + len(gates))]
        for slab in slabs(x, whole_planes=x.stride(1) != 1, share=16):
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
