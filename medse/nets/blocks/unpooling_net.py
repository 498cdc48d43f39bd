"""Encoder-decoder whose decoder unpools to the places that the encoder's maximum pooling remembered."""

import math
from collections.abc import Callable
from functools import partial

from monai.networks.layers import Dropout
from torch import Tensor, nn

from medse.attention import Attention
from medse.errors import InputError
from medse.layers.convolution import Norm
from medse.layers.lengths import PerLevel, check_spatial_dims, odd_kernels, per_level
from medse.layers.padding import pad_to_multiple
from medse.nets.blocks.coarsest import refuse_one_voxel
from medse.nets.blocks.heads import Heads
from medse.nets.blocks.index_pooling import PoolingEncoder, UnpoolingDecoder
from medse.nets.blocks.placing import Placement, attend

Block = Callable[[int, int, tuple[int, ...]], nn.Module]
"""Channels of the input, channels of the output, kernel -> module that keeps the spatial size."""


class UnpoolingNet(nn.Module):
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
        InputError: ``spatial_dims``, ``channels`` or ``dropout`` are out of range, or lengths do not suit each other.
    """

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
        if not channels or min(channels) < 1:
            raise InputError(
                f"channels is {channels}; each must be above 0, and one is needed; finest first."
            )
        if not 0 <= dropout < 1:
            raise InputError(f"dropout is {dropout}; allowed is a share from 0 to below 1; 0 is none.")
        levels = len(channels)
        kernels = odd_kernels(kernel_size, levels + 1, spatial_dims)
        steps = per_level(strides, levels, spatial_dims, "strides")
        self.norm: Norm = norm
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

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits ``(B, out_channels, *spatial)``; while training under deep supervision a list of them.

        Raises:
            InputError: The deepest map would be one voxel, which the norm cannot normalise.
        """
        refuse_one_voxel(x, self.stride, self.norm, training=self.training)
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
