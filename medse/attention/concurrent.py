"""Concurrent spatial and channel squeeze-and-excitation."""

from typing import Literal

import torch
from monai.networks.layers.factories import Conv
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from medse.attention.block import AttentionBlock, is_plain, typed_for
from medse.attention.channel import ChannelSE
from medse.attention.gates import Gate
from medse.attention.ops import tracing
from medse.attention.ops.pools import Mean
from medse.attention.ops.spatial_gate import gate_voxels
from medse.attention.ops.squeeze import scale, squeeze
from medse.attention.ops.tiles import statistics_dtype
from medse.attention.papers import SCSE, Paper
from medse.attention.spatial import SpatialSE


class ConcurrentSE(AttentionBlock):
    """Both gates of Roy et al. on one input, combined voxel by voxel.

    Args:
        reduction: That of the channel gate.
        combine: How both maps become one: ``max``, as in the authors' released code; ``add``, the text of their first
            paper; ``mul``, the product of the gates (that of both maps would be ``x^2 * s * q``); ``concat``, both
            side by side.
        bias: Whether the layers of both gates have biases, as in the authors' code.
        gate: Function of both scores.
    """

    title = "Concurrent spatial and channel squeeze-and-excitation (scSE)"
    papers = (
        SCSE,
        Paper(
            "Roy, Navab, Wachinger",
            "Recalibrating Fully Convolutional Networks with Spatial and Channel 'Squeeze & Excitation' Blocks",
            "IEEE Transactions on Medical Imaging 38(2)",
            2019,
        ),
    )
    what = (
        "The block cse and the block sse on the same input, combined voxel by voxel: the larger of both "
        "products (max, as in the authors' code), their sum, the product of both gates, or both side by side."
    )
    use = "Segmentation, 2-D and 3-D: the first to try."
    ours = "With combine: concat, a 1x1 convolution brings the 2C channels back to C."
    suits = ("segmentation", "segmentation of 3-D volumes")
    parameter_formula = "2·C·m + m + C + C + 1 with m = C // reduction"
    published = ({"channel": "cSE", "spatial": "sSE"},)

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 2,
        combine: Literal["max", "add", "mul", "concat"] = "max",
        bias: bool = True,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        self.channel = ChannelSE(spatial_dims, channels, reduction=reduction, bias=bias, gate=gate)
        self.spatial = SpatialSE(spatial_dims, channels, bias=bias, gate=gate)
        self.combine = combine
        if combine == "concat":
            self.merge = Conv[Conv.CONV, spatial_dims](2 * channels, channels, kernel_size=1, bias=bias)

    def formula(self, x: Tensor) -> Tensor:
        """Combine ``x * s`` and ``x * q``, ``s`` the channel gate and ``q`` the voxel gate: section 2.3."""
        if tracing.fusing():
            x = tracing.apart(x)
        s = self.channel.excite(x.mean(self.axes, dtype=statistics_dtype(x))).to(x.dtype)  # (B, C, 1, ..., 1)
        q = self.spatial.excite(x)  # (B, 1, *spatial)
        if self.combine == "max":
            return torch.maximum(x * s, x * q)
        if self.combine == "concat":
            return self._merge(torch.cat((x * s, x * q), dim=1))
        return x * (s + q) if self.combine == "add" else x * s * q

    def lean(self, x: Tensor) -> Tensor:
        if self.combine != "concat" and not is_plain(self.spatial.conv):
            return self.formula(x)
        x, means = squeeze(x, Mean())
        s = self.channel.excite(means)
        if self.combine == "concat":
            return self._merge(torch.cat((scale(x, s), self.spatial.lean(x)), dim=1))
        conv = self.spatial.conv
        return gate_voxels(x, conv.weight, conv.bias, self.spatial.gate, s, self.combine)

    def _merge(self, both: Tensor) -> Tensor:
        """Apply the 1x1 convolution in the type and memory format of ``both``, 2C channels."""
        if is_plain(self.merge):
            convolve = F.conv2d if both.ndim == 4 else F.conv3d
            bias = None if self.merge.bias is None else self.merge.bias.to(both.dtype)
            y = convolve(both, self.merge.weight.to(both.dtype), bias)
        else:
            y = self.merge(typed_for(self.merge, both)).to(both.dtype)
        if tracing.transformed():
            return y  # under vmap, a tensor cannot be asked for its layout
        last = torch.channels_last if both.ndim == 4 else torch.channels_last_3d
        return y.contiguous(memory_format=last) if both.is_contiguous(memory_format=last) else y.contiguous()
