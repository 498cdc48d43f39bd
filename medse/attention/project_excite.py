"""Project and excite: a gate per voxel and channel, computed from the profiles along the axes."""

from monai.networks.layers.factories import Conv
from pydantic import PositiveInt
from torch import Tensor

from medse.attention.block import AttentionBlock, hidden_channels
from medse.attention.gates import Gate
from medse.attention.ops.pooling import Profiles
from medse.attention.ops.project_excite import gate_grid
from medse.attention.ops.squeeze import squeeze


class ProjectExcite(AttentionBlock):
    """Gate ``gate(W2 relu(W1 z + b1) + b2)`` of each voxel, with ``z`` the sum of the profiles that meet there.

    A profile holds the means over all other axes. ``W1`` is applied to the profiles and not to the grid of their
    sums, which is the same and costs next to nothing.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        reduction: r; the hidden layer has ``C // r`` channels.
        gate: Function of the score.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: ``reduction`` is below 1 or larger than ``channels``.

    Reference:
        Rickmann et al., Project & Excite Modules for Segmentation of Volumetric Medical Scans (MICCAI 2019),
        equations 1-3. With two axes it is medse's: one profile less.
    """

    def __init__(
        self, spatial_dims: int, channels: int, *, reduction: PositiveInt = 2, gate: Gate = "sigmoid"
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = hidden_channels(channels, reduction)
        self.reduce = Conv[Conv.CONV, spatial_dims](channels, hidden, kernel_size=1)
        self.expand = Conv[Conv.CONV, spatial_dims](hidden, channels, kernel_size=1)
        self.gate = gate

    def recalibrate(self, x: Tensor) -> Tensor:
        x, profiles = squeeze(x, Profiles())
        hidden = self.reduce.weight.flatten(1) @ profiles.to(self.reduce.weight.dtype)  # (B, C // r, lengths)
        return gate_grid(x, hidden, self.reduce.bias, self.expand.weight, self.expand.bias, self.gate)
