"""Instance normalisation and leaky ReLU as one operation, which trains faster on a CPU than the two.

Applied in place on what normalisation returns, torch's leaky ReLU makes the backward pass copy whole maps, because
that result is a view; applied out of place it keeps a third map. tests/benchmarks/nets.py measures the gain.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

SLOPE = 0.01
"""Factor of values below 0, as in nnU-Net."""


class InstanceNormLeakyReLU(nn.Module):
    """Normalises each channel of each sample over its voxels, scales, shifts, and activates.

    Args:
        channels: Channels of the feature map.

    Shape:
        ``(B, channels, *spatial)`` to the same.

    Reference:
        Ulyanov et al., Instance Normalization (2016), equation 8; Maas et al., Rectifier Nonlinearities (2013).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.eps = 1e-5
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise and activate."""
        lean = x.device.type == "cpu" and torch.is_grad_enabled() and x[0, 0].numel() > 1
        if lean and not (torch.compiler.is_compiling() or torch._C._get_tracing_state()):
            y: Tensor = _NormAct.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
            return y
        normal = F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        return F.leaky_relu(normal, SLOPE, inplace=True)


class _NormAct(torch.autograd.Function):
    """Keeps input and output alone; the sign of the output says where its slope was small."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        batch = len(x)
        rows = x.reshape(1, -1, *x.shape[2:])
        y, mean, deviation = torch.native_batch_norm(
            rows, weight.repeat(batch), bias.repeat(batch), None, None, True, 0.0, eps
        )
        y = F.leaky_relu_(y, SLOPE).view(x.shape)
        ctx.save_for_backward(x, y, weight, mean, deviation)
        ctx.eps = eps
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight, mean, deviation = ctx.saved_tensors
        batch, rows = len(x), (1, -1, *x.shape[2:])
        gradient = torch.ops.aten.leaky_relu_backward(gradient, y, SLOPE, True)
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient.reshape(rows), x.reshape(rows), weight.repeat(batch), None, None, mean, deviation, True,
            ctx.eps, list(ctx.needs_input_grad[:3]),
        )  # fmt: skip
        sums = (None if each is None else each.view(batch, -1).sum(0) for each in (of_weight, of_bias))
        return None if of_x is None else of_x.view(x.shape), *sums, None
