"""CBAM: a channel gate from means and maxima, then a voxel gate from the mean and maximum over channels."""

import torch
from monai.networks.layers.factories import Conv
from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention.block import AttentionBlock, hidden_channels, normalize, typed_for
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pools import Mean
from medse.attention.ops.squeeze import scale, squeeze
from medse.attention.ops.tiles import statistics_dtype
from medse.attention.papers import Paper
from medse.errors import InputError


class ConvolutionalBlockAttention(AttentionBlock):
    """Channel gate, then voxel gate, one after the other.

    Args:
        reduction: r; the hidden layer has ``C // r`` units.
        kernel_size: Of the voxel gate's convolution, odd.
        gate: Function of both scores.
    """

    title = "Convolutional block attention module (CBAM)"
    papers = (Paper("Woo, Park, Lee, Kweon", "CBAM: Convolutional Block Attention Module", "ECCV", 2018),)
    what = (
        "A gate per channel, then a gate per voxel: means and maxima of each channel go through one common "
        "pair of linear layers and are added before the sigmoid; then the mean and the maximum over channels "
        "at each voxel go through a large convolution, batch norm and a sigmoid."
    )
    use = "Baseline of every comparison."
    ours = "The 3-D form: a cubic kernel."
    suits = ("a baseline to compare with",)
    parameter_formula = "2·C·m + m + C + 2·kernel_size**d + 2 with m = C // reduction"
    published = (
        {
            "fc1": "ChannelGate.mlp.1",
            "fc2": "ChannelGate.mlp.3",
            "conv": "SpatialGate.spatial.conv",
            "norm": "SpatialGate.spatial.bn",
        },
    )

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        kernel_size: PositiveInt = 7,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = hidden_channels(channels, reduction)
        if kernel_size % 2 == 0:
            raise InputError(
                f"kernel_size is {kernel_size}; the kernel must be centred on its voxel; allowed are odd numbers; "
                "choose one of those."
            )
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.conv = Conv[Conv.CONV, spatial_dims](
            2, 1, kernel_size=kernel_size, padding=kernel_size // 2, bias=False
        )
        self.norm = nn.BatchNorm1d(1, momentum=0.01)
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        """Return ``x`` times its channel gate, and that times its voxel gate: equations 1-3."""
        s, q = self.excite(x, x.mean(self.axes, dtype=statistics_dtype(x)))
        return x * s.to(x.dtype) * q.to(x.dtype)

    def excite(self, x: Tensor, means: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gates ``(B, C, 1, ..., 1)`` and ``(B, 1, *spatial)`` of ``x``, whose channels have ``means``."""
        maxima = x.flatten(2).max(2).values.to(means.dtype)
        both = typed_for(self.fc1, torch.stack((means, maxima)))  # (2, B, C)
        s = self.per_channel(GATES[self.gate](self.fc2(self.fc1(both).relu()).sum(0)))
        exact = x.to(means.dtype) * s  # rounded to half precision, other channels would have the maximum
        over_channels = torch.cat((exact.max(1, keepdim=True).values, exact.mean(1, keepdim=True)), dim=1)
        scores = self.conv(typed_for(self.conv, over_channels))  # (B, 1, *spatial)
        return s, GATES[self.gate](normalize(self.norm, scores.flatten(2)).view_as(scores))

    def lean(self, x: Tensor) -> Tensor:
        x, means = squeeze(x, Mean())
        return scale(x, *self.excite(x, means))
