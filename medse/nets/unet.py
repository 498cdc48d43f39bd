"""U-Net with attention after every encoder and decoder block."""

from typing import Annotated

import torch
from monai.networks.blocks import Convolution, UpSample
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from medse.attention import Attention, make_attention
from medse.errors import InputError
from medse.layers import Norm, check_spatial_dims, conv_norm_act, crop_to, pad_to_multiple


class UNet(nn.Module):
    """U-Net of two convolutions per block, strided down, transposed convolutions up.

    Attention follows each encoder and each decoder block, so that both the skip connection and the way
    down see the recalibrated map; the deepest block (the bottleneck) has none, as in Roy et al.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes including background.
        channels: Feature maps per resolution, finest first; each further entry halves the resolution.
        attention: Block after each encoder and decoder block; see :func:`medse.attention.make_attention`.
        norm: Normalisation after each convolution.
        deep_supervision: While training, also return logits from the coarser decoder blocks.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)`` for any spatial size (padded
        inside to a multiple of the total stride). In training mode with deep supervision: a list of
        logits, finest first, each half the size of the one before.

    Raises:
        InputError: Fewer than two entries in ``channels``, or one that is not positive or does not suit
            the norm or the attention.

    Reference:
        Ronneberger et al., U-Net (MICCAI 2015); Cicek et al., 3D U-Net (MICCAI 2016); placement of the
        attention from Roy et al. (MICCAI 2018), figure 2; deep supervision from Isensee et al., nnU-Net.
    """

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        channels: Annotated[tuple[PositiveInt, ...], Field(min_length=2)] = (16, 32, 64, 128),
        attention: Attention = None,
        norm: Norm = "instance",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if len(channels) < 2 or min(channels) < 1:
            raise InputError(
                f"channels is {channels}; at least two numbers above 0 are needed, finest first."
            )
        if norm == "group" and any(c % 8 for c in channels):
            raise InputError(f"channels is {channels}; with norm 'group' each must be a multiple of 8.")
        self.stride = 2 ** (len(channels) - 1)
        self.deep_supervision = deep_supervision

        def block(before: int, after: int, stride: int, attend: bool) -> nn.Sequential:
            return nn.Sequential(
                conv_norm_act(spatial_dims, before, after, stride=stride, norm=norm),
                conv_norm_act(spatial_dims, after, after, norm=norm),
                make_attention(attention if attend else None, spatial_dims, after),
            )

        inputs = (in_channels, *channels[:-1])
        depth = len(channels)
        self.encoders = nn.ModuleList(
            block(inputs[i], channels[i], 1 if i == 0 else 2, attend=i < depth - 1) for i in range(depth)
        )
        finer = channels[-2::-1]
        self.ups = nn.ModuleList(
            UpSample(spatial_dims, coarse, fine, scale_factor=2, mode="deconv")
            for coarse, fine in zip(channels[::-1], finer, strict=False)
        )
        self.decoders = nn.ModuleList(block(2 * fine, fine, 1, attend=True) for fine in finer)
        supervised = finer if deep_supervision else finer[-1:]
        self.heads = nn.ModuleList(
            Convolution(spatial_dims, fine, out_channels, kernel_size=1, conv_only=True)
            for fine in supervised
        )

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits (see Shape)."""
        spatial = x.shape[2:]
        x = pad_to_multiple(x, self.stride)
        skips = []
        for encoder in self.encoders:
            x = encoder(x)
            skips.append(x)
        skips.pop()
        decoded = []
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(torch.cat((skips.pop(), up(x)), dim=1))  # (B, fine, *2 spatial)
            decoded.append(x)
        logits = crop_to(self.heads[-1](x), spatial)
        if not (self.training and self.deep_supervision):
            return logits
        coarser = zip(self.heads[:-1], decoded[:-1], strict=True)
        return [logits, *reversed([head(features) for head, features in coarser])]
