"""The convolutions at one resolution of an encoder or a decoder."""

from monai.networks.blocks import UnetResBlock
from torch import nn

from medse.layers.convolution import LEAKY, Norm, conv_norm_act, norm_layer


def plain_stage(
    spatial_dims: int,
    in_channels: int,
    channels: int,
    *,
    count: int,
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    norm: Norm,
    relu_first: bool,
) -> list[nn.Module]:
    """Return ``count`` convolutions, each normalised and activated; the first one strides.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the input.
        channels: Channels of each convolution.
        count: Number of convolutions.
        kernel_size: Odd lengths of the kernel.
        stride: Step of the first convolution.
        norm: Normalisation.
        relu_first: ReLU before the normalisation, and biases, instead of leaky ReLU after it.
    """
    return [
        conv_norm_act(
            spatial_dims,
            channels if n else in_channels,
            channels,
            kernel_size=kernel_size,
            stride=1 if n else stride,
            norm=norm,
            act=("relu", {"inplace": True}) if relu_first else LEAKY,
            act_first=relu_first,
        )
        for n in range(count)
    ]


def residual_stage(
    spatial_dims: int,
    in_channels: int,
    channels: int,
    *,
    count: int,
    kernel_size: tuple[int, ...],
    stride: tuple[int, ...],
    norm: Norm,
) -> list[nn.Module]:
    """Return ``count`` residual blocks of two convolutions each; the first one strides.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the input.
        channels: Channels of each block.
        count: Number of blocks.
        kernel_size: Odd lengths of the kernel.
        stride: Step of the first block.
        norm: Normalisation.

    Reference:
        He et al., Deep Residual Learning (CVPR 2016); as built in MONAI for nnU-Net's residual networks.
    """
    return [
        UnetResBlock(
            spatial_dims,
            channels if n else in_channels,
            channels,
            kernel_size,
            1 if n else stride,
            norm_layer(norm, [channels]),
            LEAKY,
        )
        for n in range(count)
    ]
