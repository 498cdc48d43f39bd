"""Concurrent spatial and channel squeeze-and-excitation."""

from typing import Literal

import torch
from monai.networks.layers.factories import Conv
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from medse.attention.block import AttentionBlock
from medse.attention.channel import ChannelSE
from medse.attention.gates import Gate
from medse.attention.ops.fusion_barrier import apart
from medse.attention.ops.pooling import Mean
from medse.attention.ops.scale import scale
from medse.attention.ops.squeeze import squeeze
from medse.attention.spatial import SpatialSE


class ConcurrentSE(AttentionBlock):
    """Both gates of Roy et al. on one input, combined voxel by voxel.

    With the channel gate ``s`` and the spatial gate ``q``:

    * ``max``: ``maximum(x * s, x * q)``, the authors' released code;
    * ``add``: ``x * s + x * q``, the text of their first paper;
    * ``mul``: ``x * s * q``, the product of the gates (the product of both maps would be ``x^2 * s * q``);
    * ``concat``: both maps side by side, 2C channels, followed by a 1x1 convolution back to C. The convolution
      is medse's, so that every block keeps its channels.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        reduction: That of the channel gate.
        combine: How both maps become one.
        bias: Whether the layers of both gates have biases, as in the authors' code.
        gate: Function of both scores.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: ``reduction`` does not fit ``channels``.

    Reference:
        Roy et al., Concurrent Spatial and Channel Squeeze & Excitation (MICCAI 2018), section 2.3; Roy et
        al., Recalibrating Fully Convolutional Networks (TMI 2019) for the four ways to combine.
    """

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

    def recalibrate(self, x: Tensor) -> Tensor:
        if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
            x = apart(x)
        x, means = squeeze(x, Mean())
        channel = self.channel.excite(means)
        if self.combine != "concat":
            return self.spatial.recalibrate(x, channel, self.combine)
        return self._merge(torch.cat((scale(x, channel), self.spatial.recalibrate(x)), dim=1))

    def _merge(self, both: Tensor) -> Tensor:
        """Apply the 1x1 convolution in the type and memory format of ``both``, 2C channels."""
        convolve = F.conv2d if both.ndim == 4 else F.conv3d
        bias = None if self.merge.bias is None else self.merge.bias.to(both.dtype)
        y = convolve(both, self.merge.weight.to(both.dtype), bias)
        last = torch.channels_last if both.ndim == 4 else torch.channels_last_3d
        return y.contiguous(memory_format=last) if both.is_contiguous(memory_format=last) else y.contiguous()
