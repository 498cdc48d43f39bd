"""A gate per voxel, alone or together with a gate per channel."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight, conv3d_weight

from medse.attention.gates import GATES, IN_PLACE, Gate, slope
from medse.attention.ops.again import gradients_again
from medse.attention.ops.tiles import (
    Scratch,
    Slab,
    add_part,
    finish,
    on_cpu,
    slabs,
    statistics_dtype,
    working_dtype,
)

Combine = Literal["max", "add", "mul"]


def gate_voxels(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    gate: Gate,
    channel: Tensor | None = None,
    combine: Combine = "mul",
) -> Tensor:
    """Multiply ``x`` by the gate of each voxel, and by the one given for each channel.

    With ``q = gate(weight . x + bias)`` and ``s`` the channel gate: ``max`` is ``maximum(x * s, x * q)``, ``add``
    is ``x * s + x * q``, ``mul`` is ``x * s * q``; without a channel gate it is ``x * q``. Where both products
    are equal (``x = 0`` after a ReLU), ``max`` splits the gradient in halves, as ``torch.maximum`` does.

    Args:
        x: ``(B, C, *spatial)``.
        weight: ``(1, C, 1, ..., 1)``, of a convolution with kernels of one voxel.
        bias: ``(1,)`` or None.
        gate: Name of the function.
        channel: ``(B, C, 1, ..., 1)`` or None.
        combine: How both gates act.
    """
    return _GateVoxels.apply(x, weight, bias, gate, channel, combine)  # type: ignore[no-any-return,no-untyped-call]


class _GateVoxels(Function):
    """Keeps ``x`` and both gates; the voxel gate is 1 / C of the size of ``x``."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        gate: Gate,
        channel: Tensor | None,
        combine: Combine,
    ) -> Tensor:
        dtype = working_dtype(x)
        row, offset = weight.to(dtype), None if bias is None else bias.to(dtype)
        q = torch.empty(x.shape[0], 1, *x.shape[2:], dtype=dtype, device=x.device)
        s = None if channel is None else channel.to(dtype)
        y = torch.empty_like(x)
        scratch = [Scratch(dtype) for _ in range(3)]
        for slab in slabs(x, dtype):
            features, out = scratch[0].load(slab.of(x)), scratch[1].draft(slab.of(y))
            part = slab.of(q)
            flat = torch.bmm(row.view(1, 1, -1).expand(part.shape[0], -1, -1), features.flatten(2))
            scores = flat.view(part.shape)
            part.copy_(IN_PLACE[gate](scores if offset is None else scores.add_(offset)))
            if s is None:
                torch.mul(features, part, out=out)
            elif combine == "max":
                torch.mul(features, part, out=out)
                torch.maximum(torch.mul(features, slab.of(s), out=scratch[2].like(out)), out, out=out)
            else:
                join = torch.add if combine == "add" else torch.mul
                join(slab.of(s), part, out=out).mul_(features)
            finish(slab.of(y), out)
        ctx.save_for_backward(x, weight, bias, channel, q)
        ctx.gate, ctx.combine = gate, combine
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias, channel, q = ctx.saved_tensors
        if torch.is_grad_enabled():
            return gradients_again(_gated, (x, weight, bias, ctx.gate, channel, ctx.combine), g)
        exact = statistics_dtype(x)
        dx, row = torch.empty_like(x), weight.to(q.dtype)
        dweight, dbias = torch.zeros_like(weight, dtype=exact), torch.zeros(1, dtype=exact, device=x.device)
        s = (q if channel is None else channel).to(q.dtype)
        ds = torch.zeros(s.shape if channel is not None else (), dtype=exact, device=x.device)
        parts = list(slabs(x, q.dtype))
        differentiate = _DIFFERENTIATE["alone" if channel is None else ctx.combine]
        scratch = [Scratch(q.dtype) for _ in range(5)]
        for slab in parts:
            grad, features = scratch[0].load(slab.of(g)), scratch[1].load(slab.of(x))
            out, part = scratch[2].draft(slab.of(dx)), slab.of(q)
            dq = differentiate(_Part(grad, features, part, slab.of(s), ds, slab, out, scratch[3:]))
            dscores = dq.mul_(slope(ctx.gate, part))
            dweight += _weight_gradient(
                dscores, features, weight.shape, exact, whole=len(parts) == 1 and on_cpu(x)
            )
            dbias += dscores.sum(dtype=exact)
            finish(slab.of(dx), out.addcmul_(row, dscores))
        return (
            dx,
            dweight.to(weight.dtype),
            None if bias is None else dbias.to(bias.dtype),
            None,
            None if channel is None else ds.to(channel.dtype),
            None,
        )


def _gated(
    x: Tensor, weight: Tensor, bias: Tensor | None, gate: Gate, channel: Tensor | None, combine: Combine
) -> Tensor:
    """Return what :func:`gate_voxels` does, by plain operations."""
    q = voxel_gates(x, weight, bias, gate)
    if channel is None:
        return x * q
    s = channel.to(x.dtype)
    if combine == "max":
        return torch.maximum(x * s, x * q)
    return x * (s + q) if combine == "add" else x * s * q


def voxel_gates(x: Tensor, weight: Tensor, bias: Tensor | None, gate: Gate) -> Tensor:
    """Return ``gate(weight . x + bias)``, ``(B, 1, *spatial)``, in the type of ``x``."""
    convolve = F.conv2d if x.ndim == 4 else F.conv3d
    return GATES[gate](convolve(x, weight.to(x.dtype), None if bias is None else bias.to(x.dtype)))


def _weight_gradient(
    dscores: Tensor, features: Tensor, shape: torch.Size, exact: torch.dtype, *, whole: bool
) -> Tensor:
    """Return the gradient of the weight of a convolution with kernels of one voxel.

    A product of matrices, but for a small input on a CPU: there, PyTorch's own is equal to the authors' code to the
    last bit. For large inputs that is slow, and on a GPU it looks for an algorithm for each size, adds in any order,
    and pads the single output channel.
    """
    if whole:
        of_weight = conv2d_weight if features.ndim == 4 else conv3d_weight
        return of_weight(features, shape, dscores)  # type: ignore[no-any-return,no-untyped-call]
    each = torch.bmm(features.flatten(2), dscores.flatten(2).transpose(1, 2))  # (b, C, 1)
    return each.sum(0, dtype=exact).view(shape)


class _Part(NamedTuple):
    """A slab of everything that a derivative needs, in the working type."""

    grad: Tensor
    features: Tensor
    q: Tensor
    s: Tensor
    """The slab's channel gates."""
    ds: Tensor
    """Gradient of all channel gates so far."""
    slab: Slab
    out: Tensor
    """Takes the gradient for constant gates."""
    scratch: list[Scratch]


def _alone(part: _Part) -> Tensor:
    dq = torch.mul(part.grad, part.features, out=part.out).sum(1, keepdim=True)
    torch.mul(part.grad, part.q, out=part.out)
    return dq


def _add(part: _Part) -> Tensor:
    both = torch.mul(part.grad, part.features, out=part.out)
    add_part(part.ds, part.slab, both)
    dq = both.sum(1, keepdim=True)
    torch.add(part.s, part.q, out=part.out).mul_(part.grad)
    return dq


def _mul(part: _Part) -> Tensor:
    both = torch.mul(part.grad, part.features, out=part.out)
    dq = torch.mul(both, part.s, out=part.scratch[0].like(both)).sum(1, keepdim=True)
    add_part(part.ds, part.slab, both.mul_(part.q))
    torch.mul(part.s, part.q, out=part.out).mul_(part.grad)
    return dq


def _max(part: _Part) -> Tensor:
    s, q = part.s / 2, part.q / 2
    step = torch.sub(s, q, out=part.scratch[0].like(part.out))
    side = torch.mul(
        part.features, step, out=part.scratch[1].like(step)
    ).sign_()  # 1: x * s is larger, -1: x * q
    both = torch.mul(part.grad, part.features, out=part.out).div_(2)
    add_part(part.ds, part.slab, both)
    dq = both.sum(1, keepdim=True)
    both *= side
    add_part(part.ds, part.slab, both)
    dq -= both.sum(1, keepdim=True)
    torch.mul(side.mul_(step).add_(s).add_(q), part.grad, out=part.out)
    return dq


_DIFFERENTIATE: dict[str, Callable[[_Part], Tensor]] = {
    "alone": _alone,
    "add": _add,
    "mul": _mul,
    "max": _max,
}
"""Each writes the gradient for constant gates to ``out``, adds to ``ds`` and returns that of ``q``."""
