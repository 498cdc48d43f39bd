"""Concurrent spatial and channel squeeze-and-excitation."""

from typing import Literal

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
        return torch.maximum(x * channel, x * spatial)
