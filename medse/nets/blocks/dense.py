"""Dense blocks, in which each convolution sees everything before it, and the transitions between them."""

from functools import partial
from typing import Literal

import torch
from monai.networks.blocks import ADN, Convolution, UpSample
from monai.networks.layers import Pool
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


class DenseLayers(nn.Module):
    """Convolutions that each add ``growth`` maps to all maps before them.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the input.
        growth: Maps that each layer adds.
        count: Number of layers.
        kernel_size: Odd lengths of the kernels.
        norm: Normalisation before each convolution.
        dropout: Chance that a value after a convolution becomes 0 in training.
        keep_input: Return the input too, in front of the new maps.

    Attributes:
        out_channels: ``count * growth``, and with ``keep_input`` the channels of the input more.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)``.

    Reference:
        Huang et al., Densely Connected Convolutional Networks (CVPR 2017).
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        growth: int,
        *,
        count: int,
        kernel_size: Lengths,
        norm: Norm,
        dropout: float,
        keep_input: bool,
    ) -> None:
        super().__init__()
        self.keep_input = keep_input
        self.out_channels = count * growth + keep_input * in_channels
        self.layers = nn.ModuleList(
            _norm_relu_conv(
                spatial_dims,
                in_channels + n * growth,
                growth,
                kernel_size=kernel_size,
                norm=norm,
                dropout=dropout,
            )
            for n in range(count)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the new maps, after the input if that is kept."""
        maps = [x]
        for layer in self.layers:
            maps.append(layer(_joined(maps)))
        return _joined(maps if self.keep_input else maps[1:])


def transition_down(
    spatial_dims: int, channels: int, *, stride: tuple[int, ...], norm: Norm, dropout: float
) -> list[nn.Module]:
    """Return normalisation, ReLU, 1x1(x1) convolution and dropout, and maximum pooling by ``stride``."""
    mix = _norm_relu_conv(spatial_dims, channels, channels, kernel_size=1, norm=norm, dropout=dropout)
    return [mix, Pool["max", spatial_dims](stride)]


def transition_up(
    spatial_dims: int, channels: int, *, stride: tuple[int, ...], upsampling: Literal["transposed", "linear"]
) -> UpSample:
    """Return what enlarges by ``stride``: a transposed convolution, or interpolation without parameters.

    The kernel is the smallest odd one that reaches from one input voxel to the next: 3 for a stride of 2. There is
    no bias: a normalisation or the bias of the head follows.
    """
    kernel = [length // 2 * 2 + 1 for length in stride]
    up = partial(UpSample, spatial_dims, channels, channels, scale_factor=stride)
    if upsampling == "linear":
        return up(mode="nontrainable", align_corners=False)
    return up(mode="deconv", kernel_size=kernel, bias=False)


def _norm_relu_conv(
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    *,
    kernel_size: Lengths,
    norm: Norm,
    dropout: float,
) -> nn.Sequential:
    """Return normalisation, ReLU, convolution and dropout; no bias, for the same reason as above."""
    before = ADN(
        "NA",
        in_channels,
        act=("relu", {"inplace": True}),
        norm=norm_layer(norm, [in_channels]),
        norm_dim=spatial_dims,
    )
    convolution = Convolution(
        spatial_dims,
        in_channels,
        out_channels,
        kernel_size=kernel_size,
        bias=False,
        adn_ordering="D",
        act=None,
        norm=None,
        dropout=dropout or None,
    )
    return nn.Sequential(before, convolution)


def _joined(maps: list[Tensor]) -> Tensor:
    """Concatenate along the channels, without a copy where there is one tensor."""
    return maps[0] if len(maps) == 1 else torch.cat(maps, dim=1)
