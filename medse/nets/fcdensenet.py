"""Fully convolutional DenseNet: the Tiramisu of Jegou et al., and the one of Roy et al."""

import math
from functools import partial
from typing import Annotated, Literal

from monai.networks.blocks import Convolution
from monai.networks.layers import Dropout, Pool
from pydantic import Field, PositiveInt
from torch import nn

from medse.attention import Attention
from medse.attention.papers import SCSE, Paper
from medse.errors import InputError
from medse.layers.convolution import Norm, widen_thin_maps
from medse.layers.lengths import PerLevel, check_spatial_dims, counts, odd_kernels, per_level
from medse.nets.blocks.dense import DenseBlock, DenseLayers, transition_down, transition_up
from medse.nets.blocks.encoder_decoder import AS_ROY, EncoderDecoder, Heads, Place, Placement, attend

TIRAMISU = Paper(
    "Jégou, Drozdzal, Vazquez, Romero, Bengio",
    "The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation",
    "CVPR Workshops",
    2017,
)


class FCDenseNet(EncoderDecoder):
    """Encoder-decoder of dense blocks, in which each convolution sees all maps of its block so far.

    ``block='tiramisu'``: layers of normalisation, ReLU, convolution and dropout, each adding ``growth`` maps. An
    encoder block gives its input and the new maps to the skip connection and, through a 1x1(x1) convolution and
    maximum pooling, downwards; the bottleneck and the decoder blocks give only their new maps upwards; the head
    sees the input of the last block and its new maps. FC-DenseNet103 is ``depth=6, growth=16,
    layers=(4, 5, 7, 10, 12, 15)``, FC-DenseNet67 ``depth=6, growth=16, layers=5`` and FC-DenseNet56 ``depth=6``.

    ``block='roy'``: each block is the one of QuickNAT, :class:`.DenseBlock`, and gives ``growth``
    maps; maximum pooling between the encoder blocks. The paper has ``depth=5, growth=64, kernel_size=5``.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes including background.
        block: The dense block, see above.
        depth: Number of resolutions; the coarsest is the bottleneck.
        growth: ``tiramisu``: maps that each layer adds; ``roy``: maps that each block gives.
        layers: ``tiramisu`` only: layers of the encoder and of the decoder block at each resolution, finest first;
            None for 4.
        init_channels: ``tiramisu`` only: maps of the convolution before the first block; None for 48.
        kernel_size: Odd lengths of the kernels at each resolution, finest first.
        strides: Step from each resolution to the next coarser one, finest first; one entry fewer than ``depth``.
        upsampling: ``transposed`` convolution, of kernel 3 where the stride is 2, or ``linear`` interpolation,
            which has no parameters.
        attention: Block at every place of ``placement``; see :func:`medse.attention.make_attention`.
        placement: Any of encoder, bottleneck, decoder (each after its block) and skip.
        norm: Normalisation before each convolution. ``instance`` undoes a gate per channel before it, since it
            gives each map of each image the same variance; ``batch`` keeps how the images of a batch differ.
        dropout: Chance that, in training, a value after a convolution (``tiramisu``) or a map after an encoder or
            decoder block (``roy``) becomes 0; 0.2 in both papers.
        deep_supervision: While training, also return logits from the coarser decoder blocks.

    Attributes:
        stride: Total step along each axis; input is padded inside to a multiple of it.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)`` for any spatial size. In training mode with
        deep supervision: a list of logits, finest first, each smaller than the one before by its stride.

    Raises:
        InputError: An option is given that the block has not, or there are numbers that do not suit each other, the
            axes or the norm, or that the attention cannot take.

    Reference:
        :attr:`papers`; Roy et al. for the places of attention and for the second block, which is that of QuickNAT.
    """

    title = "Fully convolutional DenseNet"
    papers = (TIRAMISU, SCSE)
    what = (
        "Encoder and decoder of dense blocks, in which each convolution sees the maps of all before it; or of "
        "QuickNAT's dense blocks."
    )
    use = "Segmentation with few parameters and much memory."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        block: Literal["tiramisu", "roy"] = "tiramisu",
        depth: Annotated[int, Field(ge=2)] = 4,
        growth: PositiveInt = 12,
        layers: PositiveInt | tuple[PositiveInt, ...] | None = None,
        init_channels: PositiveInt | None = None,
        kernel_size: PerLevel = 3,
        strides: PerLevel = 2,
        upsampling: Literal["transposed", "linear"] = "transposed",
        attention: Attention = None,
        placement: Placement = AS_ROY,
        norm: Norm = "batch",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        roy = block == "roy"
        if roy and not (layers is None and init_channels is None):
            raise InputError(
                f"layers is {layers} and init_channels is {init_channels} where block is 'roy'; such a block has "
                "three convolutions and none before it; leave both out or choose block 'tiramisu'."
            )
        each = counts(4 if layers is None else layers, depth, "layers")
        width = in_channels if roy else 48 if init_channels is None else init_channels
        kernels = odd_kernels(kernel_size, depth, spatial_dims)
        steps = per_level(strides, depth - 1, spatial_dims, "strides")
        self.stride = tuple(math.prod(along) for along in zip(*steps, strict=True))
        self.norm = norm
        place = partial(attend, attention, placement=placement, spatial_dims=spatial_dims)
        enlarge = partial(transition_up, spatial_dims, upsampling=upsampling)

        def dense(level: int, channels: int, *, keep_input: bool) -> tuple[nn.Module, int]:
            """Return a block that takes so many channels, and how many it gives."""
            kernel = kernels[level]
            if roy:
                return DenseBlock(spatial_dims, channels, growth, kernel_size=kernel, norm=norm), growth
            made = DenseLayers(
                spatial_dims,
                channels,
                growth,
                count=each[level],
                kernel_size=kernel,
                norm=norm,
                dropout=dropout,
                keep_input=keep_input,
            )
            return made, made.out_channels

        def attended(where: Place, channels: int) -> list[nn.Module]:
            """Return what follows a block that gives so many channels."""
            drops = roy and dropout and where != "bottleneck"
            return [
                place(where, channels=channels),
                *([Dropout["dropout", spatial_dims](dropout)] if drops else []),  # of whole maps
            ]

        def before(level: int, channels: int) -> list[nn.Module]:
            """Return what leads to an encoder block that takes so many channels."""
            if roy:
                return [Pool["max", spatial_dims](steps[level - 1])] if level else []
            if level:
                return transition_down(
                    spatial_dims, channels, stride=steps[level - 1], norm=norm, dropout=dropout
                )
            first = partial(Convolution, spatial_dims, in_channels, channels, kernel_size=kernels[0])
            return [first(bias=False, conv_only=True)]  # the bias of the head or a normalisation follows

        self.encoders, skipped = nn.ModuleList(), []
        for level in range(depth):
            deepest = level == depth - 1
            where: Place = "bottleneck" if deepest else "encoder"
            down = before(level, width)
            body, width = dense(level, width, keep_input=not deepest)
            self.encoders.append(nn.Sequential(*down, body, *attended(where, width)))
            skipped.append(width)
        self.skips = nn.ModuleList(place("skip", channels=count) for count in skipped[:-1])
        self.ups, self.decoders, decoded = nn.ModuleList(), nn.ModuleList(), []
        for level in reversed(range(depth - 1)):
            self.ups.append(enlarge(width, stride=steps[level]))
            body, width = dense(level, skipped[level] + width, keep_input=level == 0)
            self.decoders.append(nn.Sequential(body, *attended("decoder", width)))
            decoded.append(width)
        self.heads = Heads(spatial_dims, decoded, out_channels, deep_supervision=deep_supervision)
        widen_thin_maps(self)
