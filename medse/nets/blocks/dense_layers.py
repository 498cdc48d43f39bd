"""The dense block and the transitions of fully convolutional DenseNets."""

from functools import partial
from typing import Literal

import torch
from monai.networks.blocks import ADN, Convolution, UpSample
from monai.networks.layers import Pool
from torch import Tensor, nn

from medse.layers.convolution import Norm, norm_layer
from medse.layers.lengths import Lengths


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
