"""SkipDeconv-Net: an encoder-decoder with skip connections that unpools by the indices of its pooling."""

from typing import Annotated

from pydantic import Field, PositiveInt

from medse.attention import Attention
from medse.attention.papers import SCSE, Paper
from medse.layers.convolution import Norm, conv_norm_act
from medse.layers.lengths import PerLevel
from medse.nets.blocks.encoder_decoder import AS_ROY, Placement
from medse.nets.blocks.unpooling_net import UnpoolingNet

SDNET = Paper(
    "Roy, Conjeti, Sheet, Katouzian, Navab, Wachinger",
    "Error Corrective Boosting for Learning Fully Convolutional Networks with Limited Data",
    "MICCAI",
    2017,
)


class SDNet(UnpoolingNet):
    """SkipDeconv-Net (SD-Net) of Roy et al. in 2-D and 3-D; not the spatial decomposition network of the same short
    name (Chartsias et al.).

    Each block is one convolution with a bias, a PReLU with one slope, and a normalisation, in that order. Each
    encoder block is followed by maximum pooling, each decoder block preceded by unpooling to where the maxima were,
    and by concatenation with the map that was pooled. Between them stands one more block.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes including background.
        channels: Feature maps of each encoder block, finest first. The deepest block has as many as the last; each
            decoder block has as many as the encoder block above it, into whose indices it is unpooled next.
        kernel_size: Odd lengths of the kernels at each resolution, finest first; one entry more than ``channels``,
            the deepest block's. A block has one convolution, so the kernel alone gives it its view: 5 is that of the
            released blocks; 7, which the network of 2017 is also built with in 2-D, would in 3-D be 343 weights per
            pair of channels instead of 125.
        strides: Windows of the pooling after each encoder block, finest first.
        attention: Block at every place of ``placement``; see :func:`medse.attention.make_attention`.
        placement: Any of encoder, bottleneck, decoder (each after its block) and skip (on the skipped map alone).
        norm: Normalisation after each PReLU.
        dropout: Share of the channels that are zeroed after each encoder and decoder block while training.
        deep_supervision: While training, also return logits from the coarser decoder blocks.

    Attributes:
        stride: Total step along each axis; input is padded inside to a multiple of it.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)`` for any spatial size. In training mode with
        deep supervision: a list of logits, finest first, each smaller than the one before by its stride.

    Raises:
        InputError: Numbers that do not suit each other, the axes or the norm, or that the attention cannot take.

    Reference:
        :attr:`papers`, the second for the attention.
    """

    title = "SkipDeconv-Net (SD-Net)"
    papers = (SDNET, SCSE)
    what = (
        "Encoder and decoder with one large convolution per block; the decoder unpools to where the maxima of the "
        "encoder's pooling were. Not the spatial decomposition network of the same short name."
    )
    use = "Segmentation, to compare with Roy et al.; thin structures."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (64, 64, 64, 64),
        kernel_size: PerLevel = 5,
        strides: PerLevel = 2,
        attention: Attention = None,
        placement: Placement = AS_ROY,
        norm: Norm = "batch",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        deep_supervision: bool = False,
    ) -> None:
        super().__init__(
            spatial_dims,
            in_channels,
            out_channels,
            channels=channels,
            block=lambda before, width, kernel: conv_norm_act(
                spatial_dims, before, width, kernel_size=kernel, norm=norm, act="prelu", act_first=True
            ),
            norm=norm,
            kernel_size=kernel_size,
            strides=strides,
            attention=attention,
            placement=placement,
            dropout=dropout,
            deep_supervision=deep_supervision,
        )
