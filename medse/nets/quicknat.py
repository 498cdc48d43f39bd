"""QuickNAT: dense blocks, and unpooling by the indices of the pooling."""

from typing import Annotated

from pydantic import Field, PositiveInt

from medse.attention import Attention
from medse.attention.papers import SCSE, Paper
from medse.layers.convolution import Norm
from medse.layers.lengths import PerLevel
from medse.nets.blocks.dense import DenseBlock
from medse.nets.blocks.encoder_decoder import AS_ROY, Placement
from medse.nets.blocks.unpooling_net import UnpoolingNet

QUICKNAT = Paper(
    "Roy, Conjeti, Navab, Wachinger",
    "QuickNAT: A Fully Convolutional Network for Quick and Accurate Segmentation of Neuroanatomy",
    "NeuroImage 186",
    2019,
)
LEVELS = 4


class QuickNAT(UnpoolingNet):
    """QuickNAT in the layout of its authors' PyTorch code: four encoder blocks, one between, four decoder blocks.

    Each is a :class:`.DenseBlock`. Maximum pooling stands at the end of each encoder, after attention
    and dropout; unpooling to where the maxima were at the start of each decoder, followed by concatenation with the
    map that was pooled. A 1x1(x1) convolution gives the logits.

    The authors' middle block owns an attention layer that it never applies; with the default ``placement`` there is
    none, and with ``bottleneck`` among the places it is applied.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes including background.
        channels: Feature maps of every block.
        kernel_size: Odd lengths of the kernels at each of the five resolutions, finest first.
        strides: Windows of the four poolings, finest first.
        attention: Block at every place of ``placement``; see :func:`medse.attention.make_attention`.
        placement: Any of encoder, bottleneck, decoder (each after its block) and skip (on the skipped map alone).
        norm: Normalisation before each convolution, of the image too.
        dropout: Share of the channels that are zeroed after each encoder and decoder block while training.

    Attributes:
        stride: Total step along each axis; input is padded inside to a multiple of it.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)`` for any spatial size.

    Raises:
        InputError: Numbers that do not suit each other, the axes or the norm, or that the attention cannot take.

    Reference:
        :attr:`papers`; the layout is that of ai-med/quickNAT_pytorch.
    """

    title = "QuickNAT"
    papers = (QUICKNAT, SCSE)
    what = (
        "Four dense blocks down, one between, four up; unpooling to the places of the maxima, as in SD-Net."
    )
    use = "Whole-brain segmentation slice by slice; the authors' weights."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        channels: PositiveInt = 64,
        kernel_size: PerLevel = 5,
        strides: PerLevel = 2,
        attention: Attention = None,
        placement: Placement = AS_ROY,
        norm: Norm = "batch",
        dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    ) -> None:
        super().__init__(
            spatial_dims,
            in_channels,
            out_channels,
            channels=(channels,) * LEVELS,
            block=lambda before, width, kernel: DenseBlock(
                spatial_dims, before, width, kernel_size=kernel, norm=norm
            ),
            norm=norm,
            kernel_size=kernel_size,
            strides=strides,
            attention=attention,
            placement=placement,
            dropout=dropout,
            deep_supervision=False,
        )
