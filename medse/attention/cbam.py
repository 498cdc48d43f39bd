"""CBAM: a channel gate from means and maxima, then a voxel gate from the mean and maximum over channels."""

import torch
from monai.networks.layers.factories import Conv
from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention.block import AttentionBlock, hidden_channels, normalize
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pooling import Mean
from medse.attention.ops.scale import scale
from medse.attention.ops.squeeze import squeeze
from medse.errors import InputError


class ConvolutionalBlockAttention(AttentionBlock):
    """Channel gate, then voxel gate, one after the other.

    The channel gate is that of squeeze-and-excitation with the same two layers applied to the means and to the
    maxima, and both results added. The voxel gate is a convolution, without bias and followed by batch
    normalisation, of the maximum and the mean over the channels.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        reduction: r; the hidden layer has ``C // r`` units.
        kernel_size: Of the voxel gate's convolution, odd.
        gate: Function of both scores.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: ``reduction`` does not fit ``channels``, or ``kernel_size`` is even.

    Reference:
        Woo et al., CBAM (ECCV 2018), equations 1-3. In 3-D the kernel has one more axis; that is medse's.
    """

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

    def recalibrate(self, x: Tensor) -> Tensor:
        x, means = squeeze(x, Mean())
        maxima = x.flatten(2).max(2).values.to(means.dtype)
        gate = self.channel_gate(means, maxima)
        exact = x.to(means.dtype) * gate  # rounded to half precision, other channels would have the maximum
        compressed = torch.cat((exact.max(1, keepdim=True).values, exact.mean(1, keepdim=True)), dim=1)
        return scale(x, gate, self.voxel_gate(compressed))

    def channel_gate(self, means: Tensor, maxima: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of means and maxima ``(B, C)``."""
        both = torch.stack((means, maxima)).to(self.fc1.weight.dtype)
        scores = self.fc2(self.fc1(both).relu()).sum(0)
        return GATES[self.gate](scores).reshape(*scores.shape, *(1,) * self.spatial_dims)

    def voxel_gate(self, compressed: Tensor) -> Tensor:
        """Return the gates ``(B, 1, *spatial)`` of maximum and mean over channels, ``(B, 2, *spatial)``."""
        scores = self.conv(compressed.to(self.conv.weight.dtype))
        return GATES[self.gate](normalize(self.norm, scores.flatten(2)).view_as(scores))
