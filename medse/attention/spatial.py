"""Spatial squeeze-and-excitation: one gate per voxel, computed from all channels."""

from monai.networks.layers.factories import Conv
from torch import Tensor, nn


class SpatialSE(nn.Module):
    """Voxel gate ``y = x * sigmoid(w . x + b)`` with one 1x1 convolution.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Reference:
        Roy et al., Concurrent Spatial and Channel Squeeze & Excitation (MICCAI 2018), section 2.2.
    """

    def __init__(self, spatial_dims: int, channels: int) -> None:
        super().__init__()
        self.conv = Conv[Conv.CONV, spatial_dims](channels, 1, kernel_size=1)

    def gate(self, x: Tensor) -> Tensor:
        """Return the gate, ``(B, 1, *spatial)``, in [0, 1]."""
        return self.conv(x).sigmoid()  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """Scale each voxel of ``x`` by its gate."""
        return x * self.gate(x)
