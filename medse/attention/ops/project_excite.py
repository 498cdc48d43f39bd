"""A gate per voxel and channel from what is known of each axis."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from medse.attention.gates import GATES, IN_PLACE, Gate, slope
from medse.attention.ops.again import gradients_again
from medse.attention.ops.pools import split_profiles
from medse.attention.ops.tiles import (
    Scratch,
    Slab,
    add_part,
    finish,
    laid_out_like,
    slabs,
    statistics_dtype,
)


def gate_grid(
    x: Tensor, profiles: Tensor, bias1: Tensor, weight: Tensor, bias2: Tensor, gate: Gate
) -> Tensor:
    """Return ``x * gate(weight . relu(sum of the profiles + bias1) + bias2)``.

    Args:
        x: ``(B, C, *spatial)``.
        profiles: ``(B, R, sum of lengths)``, one after the other as from ``Profiles``.
        bias1: ``(R,)``.
        weight: ``(C, R, 1, ..., 1)``.
        bias2: ``(C,)``.
        gate: Name of the function.
    """
    return _GateGrid.apply(x, profiles, bias1, weight, bias2, gate)  # type: ignore[no-any-return,no-untyped-call]


def gated_grid(
    x: Tensor, profiles: Tensor, bias1: Tensor, weight: Tensor, bias2: Tensor, gate: Gate
) -> Tensor:
    """Return what :func:`gate_grid` does, by plain operations."""
    projected = profiles + bias1[:, None] / (x.ndim - 2)
    hidden, *others = split_profiles(projected, x.shape[2:])  # (B, R, D, 1, 1), (B, R, 1, H, 1), ...
    for other in others:
        hidden = hidden + other
    scores = (F.conv2d if x.ndim == 4 else F.conv3d)(hidden.relu(), weight, bias2)  # (B, C, *spatial)
    return x * GATES[gate](scores).to(x.dtype)


class _GateGrid(Function):
    """Keeps ``x``, the profiles and the parameters; hidden layer and gate are computed again, slab by slab."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, profiles: Tensor, bias1: Tensor, weight: Tensor, bias2: Tensor, gate: Gate
    ) -> Tensor:
        ctx.save_for_backward(x, profiles, bias1, weight, bias2)
        ctx.gate = gate
        grid = _Grid(x, profiles, bias1, weight, bias2, gate)
        y = torch.empty_like(x)
        exact = statistics_dtype(x)
        scratch = Scratch(exact), Scratch(exact)
        for slab in slabs(x, exact, share=16):
            features, out = scratch[0].load(slab.of(x)), scratch[1].draft(slab.of(y))
            _, value = grid.of(slab, features)
            finish(slab.of(y), torch.mul(features, value, out=out))
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, profiles, bias1, weight, bias2 = ctx.saved_tensors
        if torch.is_grad_enabled():
            return gradients_again(gated_grid, (x, profiles, bias1, weight, bias2, ctx.gate), g)
        grid = _Grid(x, profiles, bias1, weight, bias2, ctx.gate)
        exact = statistics_dtype(x)
        dx, dprofiles = torch.empty_like(x), torch.zeros_like(profiles, dtype=exact)
        dparts = split_profiles(dprofiles, x.shape[2:])
        dmatrix, dbias2 = torch.zeros_like(grid.matrix, dtype=exact), torch.zeros_like(bias2, dtype=exact)
        scratch = [Scratch(exact) for _ in range(4)]
        for slab in slabs(x, exact, share=16):
            grad, features = scratch[0].load(slab.of(g)), scratch[1].load(slab.of(x))
            out = scratch[2].draft(slab.of(dx))
            hidden, value = grid.of(slab, features)
            dscores = torch.mul(grad, features, out=scratch[3].like(out)).mul_(slope(ctx.gate, value))
            finish(slab.of(dx), torch.mul(grad, value, out=out))
            flat = dscores.flatten(2)  # (b, C, voxels)
            dmatrix += torch.bmm(flat, hidden.flatten(2).transpose(1, 2)).sum(0)
            dbias2 += flat.sum(2).sum(0)
            dhidden = torch.bmm(grid.matrix.T.expand(flat.shape[0], -1, -1), flat).view(hidden.shape)
            dhidden *= hidden.sign_()
            for part in dparts:
                add_part(part, slab, dhidden)
        dbias1 = dparts[0].flatten(2).sum(2).sum(0)  # each profile's gradients sum to that of the bias
        return (
            dx,
            dprofiles.to(profiles.dtype),
            dbias1.to(bias1.dtype),
            dmatrix.to(weight.dtype).view_as(weight),
            dbias2.to(bias2.dtype),
            None,
        )


class _Grid:
    """The hidden layer and the gate of a slab."""

    def __init__(
        self, x: Tensor, profiles: Tensor, bias1: Tensor, weight: Tensor, bias2: Tensor, gate: Gate
    ) -> None:
        dtype = statistics_dtype(x)  # profiles are means, and hidden layer and scores come from them
        parts = split_profiles((profiles + bias1[:, None] / (x.ndim - 2)).to(dtype), x.shape[2:])
        self.profiles = [laid_out_like(x, part) for part in parts]
        self.matrix = weight.flatten(1).to(dtype)  # (C, R)
        self.bias = bias2.to(dtype)[:, None]
        self.gate = gate
        self.scores = Scratch(dtype)

    def of(self, slab: Slab, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden layer ``(b, R, *spatial)`` and gate ``(b, C, *spatial)``, valid until the next slab."""
        first, second, *third = [slab.of(profile) for profile in self.profiles]
        hidden = first + second
        for profile in third:
            hidden = hidden + profile
        hidden.relu_()
        matrix = self.matrix.expand(features.shape[0], -1, -1)
        scores = self.scores.like(features.flatten(2))
        torch.baddbmm(self.bias, matrix, hidden.flatten(2), out=scores)
        return hidden, IN_PLACE[self.gate](scores).view(features.shape)
