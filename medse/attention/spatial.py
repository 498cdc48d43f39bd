"""Spatial squeeze-and-excitation: one gate per voxel, computed from all channels."""

from monai.networks.layers.factories import Conv
from torch import Tensor

from medse.attention.block import AttentionBlock
from medse.attention.gates import Gate
from medse.attention.ops.spatial_gate import Combine, gate_voxels


class SpatialSE(AttentionBlock):
    """Voxel gate ``y = x * gate(w . x + b)`` with one 1x1 convolution.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        bias: Whether the convolution has a bias, as in the authors' code.
        gate: Function of the score.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Reference:
        Roy et al., Concurrent Spatial and Channel Squeeze & Excitation (MICCAI 2018), section 2.2.
    """

    def __init__(
        self, spatial_dims: int, channels: int, *, bias: bool = True, gate: Gate = "sigmoid"
    ) -> None:
        super().__init__(spatial_dims, channels)
        self.conv = Conv[Conv.CONV, spatial_dims](channels, 1, kernel_size=1, bias=bias)
        self.gate = gate

    def recalibrate(self, x: Tensor, channel: Tensor | None = None, combine: Combine = "mul") -> Tensor:
        """Apply the voxel gate, and combine it with a gate per channel where there is one."""
        return gate_voxels(x, self.conv.weight, self.conv.bias, self.gate, channel, combine)
