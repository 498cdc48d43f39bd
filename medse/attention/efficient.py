"""Efficient channel attention: each channel's gate sees only its neighbours."""

import math

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention.block import AttentionBlock
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pooling import Mean
from medse.attention.ops.scale import scale
from medse.attention.ops.squeeze import squeeze
from medse.errors import InputError


def adaptive_kernel_size(channels: int, gamma: float, b: float) -> int:
    """Return the number of neighbouring channels by the rule of the paper.

    ``t = int(|(log2(C) + b) / gamma|)``, plus one where that is even: the form that is used everywhere; the
    authors' own code sets the numbers by hand.
    """
    t = int(abs((math.log2(channels) + b) / gamma))
    return t if t % 2 else t + 1


class EfficientChannelAttention(AttentionBlock):
    """Channel gate ``y = x * gate(w * mean(x))`` with a 1-D convolution over the channel axis, without bias.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        kernel_size: Taps of the convolution, odd; None for :func:`adaptive_kernel_size`.
        gamma: Of the adaptive rule.
        b: Of the adaptive rule.
        shared: Whether all channels share one kernel (the paper's choice) or each has its own.
        gate: Function of the score.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: ``kernel_size`` is even or below 1.

    Reference:
        Wang et al., ECA-Net (CVPR 2020), equations 7 and 12. In 3-D only the mean runs over one more axis.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        kernel_size: PositiveInt | None = None,
        gamma: PositiveFloat = 2.0,
        b: float = 1.0,
        shared: bool = True,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        taps = adaptive_kernel_size(channels, gamma, b) if kernel_size is None else kernel_size
        if taps < 1 or taps % 2 == 0:
            raise InputError(
                f"kernel_size is {kernel_size}; the kernel must be centred on its channel; allowed are odd numbers "
                "from 1; choose one of those."
            )
        groups = 1 if shared else channels
        self.conv = nn.Conv1d(groups, groups, taps, groups=groups, bias=False)
        self.shared = shared
        self.gate = gate

    def excite(self, means: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the channel means ``(B, C)``."""
        taps = self.conv.weight.shape[2]
        padded = F.pad(means.to(self.conv.weight.dtype), (taps // 2, taps // 2))
        if self.shared:
            scores = self.conv(padded.unsqueeze(1)).squeeze(1)
        else:
            neighbours = [padded[:, tap : tap + self.channels] for tap in range(taps)]
            scores = self.conv(torch.stack(neighbours, dim=2)).squeeze(2)
        return GATES[self.gate](scores).reshape(*means.shape, *(1,) * self.spatial_dims)

    def recalibrate(self, x: Tensor) -> Tensor:
        x, means = squeeze(x, Mean())
        return scale(x, self.excite(means))
