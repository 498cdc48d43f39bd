"""Encoder-decoder whose decoder unpools to the places that the encoder's maximum pooling remembered."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from monai.networks.layers import Dropout
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention import Attention
from medse.layers.convolution import Norm, widen_thin_maps
from medse.layers.lengths import PerLevel, check_spatial_dims, odd_kernels, per_level
from medse.nets.blocks.encoder_decoder import Heads, Placement, attend, pad_to_multiple
from medse.nets.network import Network


def max_pool(x: Tensor, size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Take the maximum of each window of ``size``; windows do not overlap, and a remainder at the end is left out.

    Args:
        x: ``(B, C, *spatial)``, 2-D or 3-D.
        size: Length of the windows along each axis, and their step.

    Returns:
        The maxima ``(B, C, *(spatial // size))``, and in the same shape where each was: the index, an int64, of its
        voxel in its flattened channel.
    """
    pool = F.max_pool2d if x.ndim == 4 else F.max_pool3d
    maxima, indices = pool(x, size, size, return_indices=True)
    return maxima, indices


def max_unpool(x: Tensor, indices: Tensor, spatial: Sequence[int]) -> Tensor:
    """Put each value where the maximum of its window was, and zeros elsewhere.

    Args:
        x: ``(B, C, *pooled)``.
        indices: Of the maxima, in the shape of ``x``, as :func:`max_pool` returns them.
        spatial: Size of the map that was pooled.

    Returns:
        ``(B, C, *spatial)`` in the type of ``x``.
    """
    zeros = x.new_zeros(*x.shape[:2], math.prod(spatial))
    return zeros.scatter(2, indices.flatten(2), x.flatten(2)).reshape(*x.shape[:2], *spatial)


class PoolingEncoder(nn.Module):
    """Layers, and maximum pooling after them.

    Args:
        layers: Applied one after another.
        size: Length of the windows along each axis.

    Shape:
        ``(B, C, *spatial)`` to the pooled map ``(B, C', *(spatial // size))``, the map before pooling
        ``(B, C', *spatial)``, and the indices of the maxima.
    """

    def __init__(self, *layers: nn.Module, size: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.size = size

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pooled map, the map before pooling and the indices."""
        full: Tensor = self.layers(x)
        pooled, indices = max_pool(full, self.size)
        return pooled, full, indices


class UnpoolingDecoder(nn.Module):
    """Unpooling to the places of the maxima, concatenation after the skipped map, and layers.

    Args:
        layers: Applied one after another.

    Shape:
        ``(B, C, *pooled)``, the skipped map ``(B, C, *spatial)`` and the indices ``(B, C, *pooled)`` of its maxima to
        ``(B, C', *spatial)``.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, skipped: Tensor, indices: Tensor) -> Tensor:
        """Return ``(B, C', *spatial)``."""
        unpooled = max_unpool(x, indices, skipped.shape[2:])
        y: Tensor = self.layers(torch.cat((skipped, unpooled), dim=1))
        return y


Block = Callable[[int, int, tuple[int, ...]], nn.Module]
"""Channels of the input, channels of the output, kernel -> module that keeps the spatial size."""


class UnpoolingNet(Network):
    """What SD-Net and QuickNAT share: each encoder is block, attention, dropout, pooling; each decoder is unpooling,
    concatenation (skipped map first), block, attention, dropout; between them stands one block.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes including background.
        channels: Feature maps of each encoder block, finest first; the deepest block has as many as the last one,
            and each decoder block as many as the encoder block above, so that indices fit what is unpooled.
        block: Builds each block.
        norm: Normalisation in the blocks.
        kernel_size: Odd lengths of the kernels at each resolution, finest first, the deepest block's last.
        strides: Windows of the pooling after each encoder block, finest first.
        attention: Block at every place of ``placement``.
        placement: Any of encoder, bottleneck, decoder (each after its block) and skip (the map that is skipped).
        dropout: Share of the channels that are zeroed after each encoder and decoder block while training.
        deep_supervision: While training, also return logits from the coarser decoder blocks.

    Attributes:
        stride: Total step along each axis; input is padded inside to a multiple of it.

    Raises:
        InputError: ``spatial_dims`` is neither 2 nor 3, or lengths do not suit each other.
    """

    task = "segmentation"

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        channels: tuple[int, ...],
        block: Block,
        norm: Norm,
        kernel_size: PerLevel,
        strides: PerLevel,
        attention: Attention,
        placement: Placement,
        dropout: float,
        deep_supervision: bool,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        levels = len(channels)
        kernels = odd_kernels(kernel_size, levels + 1, spatial_dims)
        steps = per_level(strides, levels, spatial_dims, "strides")
        self.norm = norm
        self.stride = tuple(math.prod(along) for along in zip(*steps, strict=True))
        place = partial(attend, attention, placement=placement, spatial_dims=spatial_dims)
        drop = partial(Dropout["dropout", spatial_dims], dropout)

        self.encoders = nn.ModuleList()
        for level, width in enumerate(channels):
            before = channels[level - 1] if level else in_channels
            layers = block(before, width, kernels[level]), place("encoder", channels=width), drop()
            self.encoders.append(PoolingEncoder(*layers, size=steps[level]))
        deepest = channels[-1]
        self.bottleneck = nn.Sequential(
            block(deepest, deepest, kernels[-1]), place("bottleneck", channels=deepest)
        )
        self.skips = nn.ModuleList(place("skip", channels=width) for width in reversed(channels))
        self.decoders = nn.ModuleList()
        for level in reversed(range(levels)):
            width = channels[max(level - 1, 0)]
            layers = (
                block(2 * channels[level], width, kernels[level]),
                place("decoder", channels=width),
                drop(),
            )
            self.decoders.append(UnpoolingDecoder(*layers))
        self.heads = Heads(
            spatial_dims,
            [*channels[-2::-1], channels[0]],
            out_channels,
            deep_supervision=deep_supervision,
        )
        widen_thin_maps(self)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits ``(B, out_channels, *spatial)``; while training under deep supervision a list of them.

        Raises:
            InputError: The deepest map would be one voxel, which the norm cannot normalise.
        """
        self.refuse_unfit(x, self.stride)
        spatial = x.shape[2:]
        x = pad_to_multiple(x, self.stride)
        kept = []
        for encoder in self.encoders:
            x, full, indices = encoder(x)
            kept.append((full, indices))
        x = self.bottleneck(x)
        decoded = []
        for skip, decoder in zip(self.skips, self.decoders, strict=True):
            full, indices = kept.pop()
            x = decoder(x, skip(full), indices)
            decoded.append(x)
        logits: Tensor | list[Tensor] = self.heads(decoded, spatial)
        return logits
