"""U-Net: plain, residual, or with a residual encoder."""

import math
from functools import partial
from typing import Annotated, Literal

from monai.networks.blocks import UnetResBlock, UpSample
from monai.networks.layers import Pool
from pydantic import Field, PositiveInt
from torch import nn

from medse.attention import Attention
from medse.attention.papers import SCSE, Paper
from medse.errors import InputError
from medse.layers.convolution import LEAKY, Norm, conv_norm_act, norm_layer, widen_thin_maps
from medse.layers.lengths import PerLevel, check_spatial_dims, counts, odd_kernels, per_level
from medse.nets.blocks.encoder_decoder import AS_ROY, EncoderDecoder, Heads, Place, Placement, attend

UNET = Paper(
    "Ronneberger, Fischer, Brox",
    "U-Net: Convolutional Networks for Biomedical Image Segmentation",
    "MICCAI",
    2015,
)
UNET_3D = Paper(
    "Çiçek, Abdulkadir, Lienkamp, Brox, Ronneberger",
    "3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation",
    "MICCAI",
    2016,
)
NNUNET = Paper(
    "Isensee, Wald, Ulrich, Baumgartner, Roy, Maier-Hein, Jäger",
    "nnU-Net Revisited: A Call for Rigorous Validation in 3D Medical Image Segmentation",
    "MICCAI",
    2024,
)


class UNet(EncoderDecoder):
    """U-Net whose widths, depths, kernels and strides are given per resolution.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes including background.
        channels: Feature maps per resolution, finest first.
        blocks: Convolutions, or residual blocks of two, of the encoder at each resolution, finest first.
        decoder_blocks: The same of the decoder, finest first; one entry fewer.
        kernel_size: Odd lengths of the kernels at each resolution, finest first.
        strides: Step from each resolution to the next coarser one, finest first; one entry fewer than ``channels``.
        variant: ``plain``: convolutions, normalised and activated; ``residual``: residual blocks;
            ``residual_encoder``: residual blocks in the encoder alone, in the manner of nnU-Net's ResEnc presets.
        downsampling: ``strided``: by the first convolution of the coarser block; ``max``: by maximum pooling.
        upsampling: ``transposed`` convolution, or ``linear`` interpolation, which has no parameters; where widths
            differ, a 1x1(x1) convolution precedes it.
        activation: ``leaky_relu`` after each normalisation; ``relu_first``: ReLU before it, and biases, as Roy et
            al. have it.
        attention: Block at every place of ``placement``; see :func:`medse.attention.make_attention`.
        placement: Any of encoder, bottleneck, decoder (each after its blocks) and skip.
        norm: Normalisation after each convolution.
        deep_supervision: While training, also return logits from the coarser decoder blocks.

    Attributes:
        stride: Total step along each axis; input is padded inside to a multiple of it.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)`` for any spatial size. In training mode with
        deep supervision: a list of logits, finest first, each smaller than the one before by its stride.

    Raises:
        InputError: Fewer than two entries in ``channels``, numbers that do not suit each other or the axes, or
            that the attention cannot take.

    Reference:
        :attr:`papers`; Isensee et al. for the residual encoder, Roy et al. for the places of attention.
    """

    title = "U-Net"
    papers = (UNET, UNET_3D, NNUNET, SCSE)
    what = (
        "Encoder and decoder with skip connections, two convolutions at each resolution; plain, residual, or with a "
        "residual encoder; deep supervision on demand. Widths, depths, kernels and strides per resolution, also per "
        "axis."
    )
    use = "Segmentation, 2-D and 3-D: the first to try."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        channels: Annotated[tuple[PositiveInt, ...], Field(min_length=2)] = (16, 32, 64, 128),
        blocks: PositiveInt | tuple[PositiveInt, ...] = 2,
        decoder_blocks: PositiveInt | tuple[PositiveInt, ...] = 2,
        kernel_size: PerLevel = 3,
        strides: PerLevel = 2,
        variant: Literal["plain", "residual", "residual_encoder"] = "plain",
        downsampling: Literal["strided", "max"] = "strided",
        upsampling: Literal["transposed", "linear"] = "transposed",
        activation: Literal["leaky_relu", "relu_first"] = "leaky_relu",
        attention: Attention = None,
        placement: Placement = AS_ROY,
        norm: Norm = "instance",
        deep_supervision: bool = False,
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        depth = len(channels)
        relu_first = activation == "relu_first"
        if relu_first and variant != "plain":
            raise InputError(
                f"activation is 'relu_first' and variant is {variant!r}; residual blocks activate after the "
                "normalisation; choose variant 'plain' or activation 'leaky_relu'."
            )
        kernels = odd_kernels(kernel_size, depth, spatial_dims)
        steps = per_level(strides, depth - 1, spatial_dims, "strides")
        if downsampling == "strided":
            _check_reach(kernels[1:], steps)
        down_counts = counts(blocks, depth, "blocks")
        up_counts = counts(decoder_blocks, depth - 1, "decoder_blocks")
        self.norm = norm
        self.stride = tuple(math.prod(along) for along in zip(*steps, strict=True))
        place = partial(attend, attention, placement=placement, spatial_dims=spatial_dims)
        one = (1,) * spatial_dims

        def stage(
            before: int, width: int, level: int, count: int, stride: tuple[int, ...], *, residual: bool
        ) -> list[nn.Module]:
            """Return the blocks of one resolution, of which the first one strides."""
            kernel, made = kernels[level], list[nn.Module]()
            for given, step in zip(
                (before, *[width] * (count - 1)), (stride, *[one] * (count - 1)), strict=True
            ):
                made.append(
                    UnetResBlock(spatial_dims, given, width, kernel, step, norm_layer(norm, [width]), LEAKY)
                    if residual
                    else conv_norm_act(
                        spatial_dims,
                        given,
                        width,
                        kernel_size=kernel,
                        stride=step,
                        norm=norm,
                        act=("relu", {"inplace": True}) if relu_first else LEAKY,
                        act_first=relu_first,
                    )
                )
            return made

        self.encoders = nn.ModuleList()
        for level, width in enumerate(channels):
            before = channels[level - 1] if level else in_channels
            stride = steps[level - 1] if level else one
            pools = [Pool["max", spatial_dims](stride)] if level and downsampling == "max" else []
            step = one if pools else stride
            body = stage(before, width, level, down_counts[level], step, residual=variant != "plain")
            where: Place = "encoder" if level < depth - 1 else "bottleneck"
            self.encoders.append(nn.Sequential(*pools, *body, place(where, channels=width)))
        self.skips = nn.ModuleList(place("skip", channels=width) for width in channels[:-1])
        self.ups, self.decoders = nn.ModuleList(), nn.ModuleList()
        for level in reversed(range(depth - 1)):
            coarse, width = channels[level + 1], channels[level]
            mode = "deconv" if upsampling == "transposed" else "nontrainable"
            self.ups.append(
                UpSample(
                    spatial_dims, coarse, width, scale_factor=steps[level], mode=mode, align_corners=False
                )
            )
            body = stage(2 * width, width, level, up_counts[level], one, residual=variant == "residual")
            self.decoders.append(nn.Sequential(*body, place("decoder", channels=width)))
        self.heads = Heads(spatial_dims, channels[-2::-1], out_channels, deep_supervision=deep_supervision)
        widen_thin_maps(self)


def _check_reach(kernels: list[tuple[int, ...]], steps: list[tuple[int, ...]]) -> None:
    """Raise if a strided convolution would step over voxels that it never sees."""
    for kernel, step in zip(kernels, steps, strict=True):
        if any(size < stride for size, stride in zip(kernel, step, strict=True)):
            raise InputError(
                f"kernel_size has the entry {kernel} where strides has {step}; a strided convolution must reach as "
                "far as it steps; enlarge the kernel of the coarser resolution or choose downsampling 'max'."
            )
