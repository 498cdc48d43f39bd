"""SimAM: a gate per voxel from how far it lies from the mean of its channel, without parameters."""

import math
from typing import Any

import torch
from pydantic import PositiveFloat
from torch import Tensor
from torch.autograd import Function

from medse.attention.block import AttentionBlock
from medse.attention.gates import GATES, IN_PLACE, Gate, slope
from medse.attention.ops.again import gradients_again
from medse.attention.ops.tiles import Scratch, finish, slabs, statistics_dtype
from medse.attention.papers import Paper


class SimAM(AttentionBlock):
    """Gate ``gate((x - mean)^2 / (4 (variance + lambda)) + 1/2)`` of each voxel, per channel.

    The variance is the sample's (divided by one less than the number of voxels), as in the authors' code. A
    channel of a single voxel has variance 0 and thus the gate ``gate(1/2)``; the authors' code gives NaN.

    Args:
        lambda_: Added to the variance; ``lambda`` in a configuration. The authors' ImageNet commands use 0.1.
        gate: Function of the score.
    """

    title = "SimAM"
    papers = (
        Paper(
            "Yang, Zhang, Li, Xie",
            "SimAM: A Simple, Parameter-Free Attention Module for Convolutional Neural Networks",
            "ICML",
            2021,
        ),
    )
    what = (
        "One gate per voxel and channel without any parameter: the squared distance from the channel's mean, "
        "over four times the variance plus lambda, plus a half, and a sigmoid."
    )
    use = "No parameter to spare; mobile networks."
    ours = (
        "The 3-D form: mean and variance over three axes; a channel with a single voxel gets the gate of a "
        "constant."
    )
    suits = ("hardly any parameters", "mobile and embedded networks")
    parameter_formula = "0"
    published = ({},)

    def __init__(
        self, spatial_dims: int, channels: int, *, lambda_: PositiveFloat = 1e-4, gate: Gate = "sigmoid"
    ) -> None:
        super().__init__(spatial_dims, channels)
        self.lambda_ = lambda_
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        """Return ``x * gate((x - mean)^2 / (4 (variance + lambda)) + 1/2)``: equation 5."""
        return _formula(x, self.lambda_, self.gate)

    def lean(self, x: Tensor) -> Tensor:
        return _SimAM.apply(x, self.lambda_, self.gate)  # type: ignore[no-any-return,no-untyped-call]


def _formula(x: Tensor, lambda_: float, gate: Gate) -> Tensor:
    """Return what :meth:`SimAM.formula` does, for second derivatives of the closed form too."""
    exact, axes = x.to(statistics_dtype(x)), tuple(range(2, x.ndim))
    squares = (exact - exact.mean(axes, keepdim=True)).square()
    variance = squares.sum(axes, keepdim=True) / max(math.prod(x.shape[2:]) - 1, 1)
    return x * GATES[gate](squares / (4 * (variance + lambda_)) + 0.5).to(x.dtype)


class _SimAM(Function):
    """Keeps ``x``, and mean and variance of each channel.

    With ``u = x - mean``, ``D = variance + lambda``, gate ``s``, ``n`` voxels less one, ``a = g x s'`` and
    ``t = a u / (2 D)``, the gradient is ``g s + t - mean(t) - u sum(a u^2) / (2 D^2 n)``.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, lambda_: float, gate: Gate) -> Tensor:
        axes = tuple(range(2, x.ndim))
        exact = statistics_dtype(x)
        mean = x.mean(axes, keepdim=True, dtype=exact)
        spread = torch.empty_like(mean)
        free = max(math.prod(x.shape[2:]) - 1, 1)
        y = torch.empty_like(x)
        scratch = [Scratch(exact) for _ in range(2)]
        for slab in slabs(x, exact, whole_planes=True):
            features, out = scratch[0].load(slab.of(x)), scratch[1].draft(slab.of(y))
            u = torch.sub(features, slab.of(mean), out=out)
            norm = torch.linalg.vector_norm(u, dim=axes, keepdim=True, dtype=spread.dtype)
            variance = norm.square_().div_(free).add_(lambda_)
            slab.of(spread).copy_(variance)
            value = u.mul_(variance.rsqrt_().div_(2)).square_().add_(0.5)
            finish(slab.of(y), IN_PLACE[gate](value).mul_(features))
        ctx.save_for_backward(x, mean, spread)
        ctx.lambda_, ctx.gate, ctx.free = lambda_, gate, free
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Any, ...]:
        x, mean, spread = ctx.saved_tensors
        if torch.is_grad_enabled():
            return gradients_again(_formula, (x, ctx.lambda_, ctx.gate), g)
        axes, voxels = tuple(range(2, x.ndim)), math.prod(x.shape[2:])
        dx = torch.empty_like(x)
        scratch = [Scratch(mean.dtype) for _ in range(5)]
        for slab in slabs(x, mean.dtype, whole_planes=True):
            grad, features = scratch[0].load(slab.of(g)), scratch[1].load(slab.of(x))
            out = scratch[2].draft(slab.of(dx))
            half = slab.of(spread).rsqrt().div_(2)
            w = torch.sub(features, slab.of(mean), out=scratch[3].like(out)).mul_(half)
            value = IN_PLACE[ctx.gate](torch.mul(w, w, out=out).add_(0.5))
            t = torch.mul(grad, features, out=scratch[4].like(out)).mul_(slope(ctx.gate, value)).mul_(w)
            t.mul_(2 * half)
            shift = t.sum(axes, keepdim=True, dtype=half.dtype) / voxels
            pull = (t * w).sum(axes, keepdim=True, dtype=half.dtype) * (-4 / ctx.free)
            out.mul_(grad).add_(t).add_(w.mul_(pull)).sub_(shift)
            finish(slab.of(dx), out)
        return dx, None, None
