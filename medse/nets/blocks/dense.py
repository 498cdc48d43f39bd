"""The dense block of Roy et al.: three convolutions, each of everything before it."""

import torch
from monai.networks.blocks import Convolution
from monai.networks.layers.utils import get_norm_layer
from torch import Tensor, nn

from medse.layers.convolution import Norm, norm_layer
from medse.layers.lengths import Lengths


class DenseBlock(nn.Module):
    """Two convolutions on all features so far, and a 1x1(x1) convolution that keeps ``channels`` of them.

    Each is preceded by a normalisation and a PReLU; the three share one PReLU with one slope, 0.25 at first, as in
    the authors' code. The convolutions have biases. With ``c`` input channels, ``F = channels`` and ``K`` weights in
    the kernel, the parameters are ``K c F + F + K (c + F) F + F + (c + 2 F) F + F`` in the convolutions,
    ``2 (3 c + 3 F)`` in the normalisations and 1 in the PReLU.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the input.
        channels: Channels of each convolution, and of the output.
        kernel_size: Odd lengths of the kernel of the first two convolutions.
        norm: Normalisation before each convolution, of the input too.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, channels, *spatial)``.

    Reference:
        Roy et al., QuickNAT (NeuroImage 2019); the order of the layers is that of the released code.
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, channels: int, *, kernel_size: Lengths, norm: Norm
    ) -> None:
        super().__init__()
        widths = (in_channels, in_channels + channels, in_channels + 2 * channels)
        self.norms = nn.ModuleList(
            get_norm_layer(norm_layer(norm, [width]), spatial_dims, width) for width in widths
        )
        self.activation = nn.PReLU()
        self.convs = nn.ModuleList(
            Convolution(spatial_dims, width, channels, kernel_size=kernel, conv_only=True)
            for width, kernel in zip(widths, (kernel_size, kernel_size, 1), strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return ``(B, channels, *spatial)``."""
        x = torch.cat((x, self._layer(0, x)), dim=1)
        x = torch.cat((x, self._layer(1, x)), dim=1)  # the input, the first and the second convolution
        return self._layer(2, x)

    def _layer(self, index: int, x: Tensor) -> Tensor:
        y: Tensor = self.convs[index](self.activation(self.norms[index](x)))
        return y
