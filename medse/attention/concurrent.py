"""Concurrent spatial and channel squeeze-and-excitation."""

from typing import Any, Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention.channel import ChannelSE
from medse.attention.spatial import SpatialSE


class ConcurrentSE(nn.Module):
    """Both gates of Roy et al. on one input, combined voxel by voxel.

    With the channel gate ``s`` and the spatial gate ``q``, ``max`` is ``maximum(x * s, x * q)`` as in the
    authors' released code, and ``add`` is ``x * s + x * q`` as in the text of their first paper.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: ``reduction`` does not fit ``channels``.

    Reference:
        Roy et al., Concurrent Spatial and Channel Squeeze & Excitation (MICCAI 2018), section 2.3; Roy et
        al., Recalibrating Fully Convolutional Networks (TMI 2019) for the choice of ``max``.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 2,
        combine: Literal["max", "add"] = "max",
    ) -> None:
        super().__init__()
        self.channel = ChannelSE(spatial_dims, channels, reduction=reduction)
        self.spatial = SpatialSE(spatial_dims, channels)
        self.combine = combine

    def forward(self, x: Tensor) -> Tensor:
        """Recalibrate ``x`` along channels and space at once."""
        channel, spatial = self.channel.gate(x), self.spatial.gate(x)
        if self.combine == "add":
            return x * (channel + spatial)
        return _LargerOfTwoGates.apply(x, channel, spatial)  # type: ignore[no-any-return,no-untyped-call]


class _LargerOfTwoGates(torch.autograd.Function):
    """``maximum(x * s, x * q)`` that keeps only its inputs for the backward pass.

    PyTorch's own backward of ``maximum`` keeps both products and walks over them many times, which took a
    sixth of a U-Net's training step. As there, the gradient is split in halves where both products are equal
    (``x = 0`` after a ReLU).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, s: Tensor, q: Tensor) -> Tensor:
        ctx.save_for_backward(x, s, q)
        return torch.maximum(x * s, x * q)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, s, q = ctx.saved_tensors
        step = s - q  # (B, C, *spatial)
        half = torch.tensor(0.5, dtype=step.dtype, device=step.device)
        by_s = torch.heaviside(x * step, half)  # 1 where x * s is the larger product, 0 where x * q is
        dx = g * torch.addcmul(q, by_s, step)
        gx = g * x
        gx_s = gx * by_s
        ds = gx_s.sum(dim=tuple(range(2, x.ndim)), keepdim=True)
        dq = gx.sum(dim=1, keepdim=True) - gx_s.sum(dim=1, keepdim=True)
        return dx, ds, dq
