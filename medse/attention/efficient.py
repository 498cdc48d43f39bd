"""Efficient channel attention: each channel's gate sees only its neighbours."""

import math

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention.block import AttentionBlock, typed_for
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pools import Mean
from medse.attention.ops.squeeze import scale, squeeze
from medse.attention.ops.tiles import statistics_dtype
from medse.attention.papers import Paper
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
        kernel_size: Taps of the convolution, odd; None for :func:`adaptive_kernel_size`.
        gamma: Of the adaptive rule.
        b: Of the adaptive rule.
        shared: Whether all channels share one kernel (the paper's choice) or each has its own.
        gate: Function of the score.
    """

    title = "Efficient channel attention (ECA)"
    papers = (
        Paper(
            "Wang, Wu, Zhu, Li, Zuo, Hu",
            "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks",
            "CVPR",
            2020,
        ),
    )
    what = (
        "One gate per channel: the mean of each channel, a 1-D convolution of odd length across neighbouring "
        "channels without bias, a sigmoid. The length follows from the number of channels."
    )
    use = "Classification; very few parameters."
    ours = "The 3-D form: the mean runs over three axes."
    suits = ("classification", "hardly any parameters")
    parameter_formula = "k with k = t + 1 - t % 2 and t = int((log2(C) + b) / gamma)"
    published = ({"conv": "conv"},)

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
        if taps % 2 == 0:
            raise InputError(
                f"kernel_size is {kernel_size}; the kernel must be centred on its channel; allowed are odd numbers; "
                "choose one of those."
            )
        groups = 1 if shared else channels
        self.conv = nn.Conv1d(groups, groups, taps, groups=groups, bias=False)
        self.taps = taps
        self.shared = shared
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        """Return ``x * gate(w * mean(x))``, ``*`` the convolution over channels: equations 7 and 12."""
        means = x.mean(self.axes, dtype=statistics_dtype(x))  # (B, C)
        return x * self.excite(means).to(x.dtype)

    def excite(self, means: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the channel means ``(B, C)``."""
        padded = F.pad(typed_for(self.conv, means), (self.taps // 2, self.taps // 2))
        if self.shared:
            scores = self.conv(padded.unsqueeze(1)).squeeze(1)
        else:
            neighbours = [padded[:, tap : tap + self.channels] for tap in range(self.taps)]
            scores = self.conv(torch.stack(neighbours, dim=2)).squeeze(2)
        return self.per_channel(GATES[self.gate](scores))

    def lean(self, x: Tensor) -> Tensor:
        x, means = squeeze(x, Mean())
        return scale(x, self.excite(means))
