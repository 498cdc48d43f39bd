"""Encoder-decoders: where attention stands in them, how features flow through them, and their logits."""

from collections.abc import Sequence
from typing import Annotated, Literal

import torch
from monai.networks.blocks import Convolution
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention import Attention, make_attention
from medse.nets.network import Network

Place = Literal["encoder", "bottleneck", "decoder", "skip"]
Placement = Annotated[tuple[Place, ...], Field(min_length=1)]
"""Any of: after each encoder block, after the deepest block, after each decoder block, on each skip connection."""

AS_ROY: Placement = ("encoder", "decoder")
"""After every encoder and decoder block, as in Roy et al. (MICCAI 2018), figure 2."""


def attend(
    attention: Attention, place: Place, placement: Placement, spatial_dims: int, channels: int
) -> nn.Module:
    """Build the attention block of one place; the identity where ``placement`` does not name the place.

    Args:
        attention: What to build; see :func:`medse.attention.make_attention`.
        place: Which place it is.
        placement: All places that have attention.
        spatial_dims: 2 or 3.
        channels: Channels of the feature map.

    Raises:
        InputError: As :func:`medse.attention.make_attention`.
    """
    return make_attention(attention if place in placement else None, spatial_dims, channels)


def pad_to_multiple(x: Tensor, multiples: Sequence[int]) -> Tensor:
    """Pad the end of each spatial axis of ``(B, C, *spatial)`` with zeros to a multiple of its ``multiples``."""
    missing = [-size % multiple for size, multiple in zip(x.shape[2:], multiples, strict=True)]
    if not any(missing):
        return x
    return F.pad(x, [n for after in reversed(missing) for n in (0, after)])


def crop_to(x: Tensor, spatial: Sequence[int]) -> Tensor:
    """Undo :func:`pad_to_multiple`: keep the first ``spatial`` voxels of each axis."""
    for axis, size in enumerate(spatial, start=2):
        x = x.narrow(axis, 0, size)
    return x


class Heads(nn.ModuleList):
    """A 1x1(x1) convolution to logits for the finest decoder block, or for every one under deep supervision.

    Args:
        spatial_dims: 2 or 3.
        channels: Channels of the decoder blocks, coarsest first.
        out_channels: Classes including background.
        deep_supervision: While training, also return logits of the coarser blocks. They cover what the input was
            padded with, so train on sizes that divide by the network's stride.

    Reference:
        Lee et al., Deeply-Supervised Nets (AISTATS 2015); per resolution as in Isensee et al., nnU-Net (2021).
    """

    def __init__(
        self, spatial_dims: int, channels: Sequence[int], out_channels: int, *, deep_supervision: bool
    ) -> None:
        self.deep_supervision = deep_supervision
        supervised = channels if deep_supervision else channels[-1:]
        super().__init__(
            Convolution(spatial_dims, count, out_channels, kernel_size=1, conv_only=True)
            for count in supervised
        )

    def forward(self, decoded: Sequence[Tensor], spatial: Sequence[int]) -> Tensor | list[Tensor]:
        """Return logits.

        Args:
            decoded: Features ``(B, C, *spatial)`` of the decoder blocks, coarsest first.
            spatial: The size that the finest logits are cropped to.

        Returns:
            ``(B, out_channels, *spatial)``; in training mode under deep supervision a list, finest first, of which
            the coarser ones are not cropped.
        """
        *coarser, finest = self
        logits: Tensor = crop_to(finest(decoded[-1]), spatial)
        if not (self.training and self.deep_supervision):
            return logits
        return [logits, *reversed([head(map_) for head, map_ in zip(coarser, decoded[:-1], strict=True)])]


class EncoderDecoder(Network):
    """The common way of U-Net and FC-DenseNet; each builds the parts.

    Attributes:
        stride: Total step along each axis; input is padded inside to a multiple of it.
        encoders: Blocks, finest first; the last one is the bottleneck.
        skips: What each skipped map passes, finest first.
        ups: Up-sampling of each block's result to the next finer resolution, coarsest first.
        decoders: Blocks that take the skipped map and, after it, the up-sampled one, coarsest first.
        heads: From the decoders' results to logits.
    """

    task = "segmentation"
    stride: tuple[int, ...]
    encoders: nn.ModuleList
    skips: nn.ModuleList
    ups: nn.ModuleList
    decoders: nn.ModuleList
    heads: Heads

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits.

        Args:
            x: ``(B, in_channels, *spatial)``, of any spatial size.

        Returns:
            ``(B, out_channels, *spatial)``; in training mode with deep supervision a list, see :class:`Heads`.

        Raises:
            InputError: The bottleneck would be one voxel, which the norm cannot normalise.
        """
        self.refuse_unfit(x, self.stride)
        spatial = x.shape[2:]
        x = pad_to_multiple(x, self.stride)
        kept = []
        for encoder in self.encoders:
            x = encoder(x)
            kept.append(x)
        skipped = [skip(features) for skip, features in zip(self.skips, kept[:-1], strict=True)]
        decoded = []
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(torch.cat((skipped.pop(), up(x)), dim=1))  # (B, C, *finer spatial)
            decoded.append(x)
        logits: Tensor | list[Tensor] = self.heads(decoded, spatial)
        return logits
