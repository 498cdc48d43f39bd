"""DenseNet as a classifier."""

from collections import OrderedDict
from typing import Annotated

from monai.networks import nets
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from medse.attention import Attention, make_attention
from medse.attention.papers import Paper
from medse.errors import InputError
from medse.layers.convolution import Norm, norm_layer, widen_thin_maps
from medse.layers.lengths import check_spatial_dims
from medse.nets.network import Classifier

DENSENET = Paper(
    "Huang, Liu, van der Maaten, Weinberger", "Densely Connected Convolutional Networks", "CVPR", 2017
)
STEM_STRIDE = 4
"""Step of the first convolution and pooling."""
BOTTLENECK = 4
"""Channels of a layer's 1x1(x1) convolution per feature map that the layer adds."""


class DenseNet(Classifier):
    """DenseNet-121: MONAI's, with attention after each dense block.

    Its parameters have MONAI's names; those of attention are in ``features.attention1`` and so on.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes.
        blocks: Layers of each dense block.
        growth: Feature maps that each layer adds.
        init_channels: Channels of the stem.
        attention: Block after each dense block, before the transition; see
            :func:`medse.attention.make_attention`.
        norm: Normalisation before each activation.

    Shape:
        ``(B, in_channels, *spatial)`` to logits ``(B, out_channels)``. Each axis needs enough voxels for the halvings
        between the dense blocks: 29 where there are four blocks.

    Raises:
        InputError: Numbers do not suit each other, the axes or the norm, the attention cannot take them, or the
            input is too small.

    Reference:
        :attr:`papers`, table 1.
    """

    title = "DenseNet-121"
    papers = (DENSENET,)
    what = (
        "Dense blocks, in which each layer sees the maps of all before it, with attention after each block."
    )
    use = "Classification of medical images; MONAI's layout."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        blocks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (6, 12, 24, 16),
        growth: PositiveInt = 32,
        init_channels: PositiveInt = 64,
        attention: Attention = None,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        widths, before = [], init_channels
        normalised = [BOTTLENECK * growth]
        for count in blocks:
            normalised += range(before, before + count * growth + 1, growth)
            widths.append(normalised[-1])
            before = widths[-1] // 2
        dense = nets.DenseNet(
            spatial_dims,
            in_channels,
            out_channels,
            init_features=init_channels,
            growth_rate=growth,
            block_config=blocks,
            bn_size=BOTTLENECK,
            norm=norm_layer(norm, normalised),
        )
        parts = OrderedDict[str, nn.Module]()
        for name, part in dense.features.named_children():
            parts[name] = part
            if name.startswith("denseblock"):
                number = int(name.removeprefix("denseblock"))
                parts[f"attention{number}"] = make_attention(attention, spatial_dims, widths[number - 1])
        self.norm = norm
        self.halvings = len(blocks) - 1
        self.map_channels = tuple(widths)
        self.last_map = f"features.{list(parts)[-1]}"
        self.features = nn.Sequential(parts)
        self.class_layers = dense.class_layers
        widen_thin_maps(self)
        self.class_layers.relu.inplace = False  # the last feature map is seen by others too

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Return the map after each dense block and its attention, the last one normalised.

        Raises:
            InputError: The input is too small.
        """
        finest = 2**self.halvings  # voxels of the stem's map of which the halvings, rounded down, leave one
        least = STEM_STRIDE * (finest - 1) + 1
        if min(x.shape[2:]) < least:
            raise InputError(
                f"The input has {' x '.join(map(str, x.shape[2:]))} voxels; with {self.halvings + 1} dense blocks "
                f"allowed are {least} or more along each axis; pad or resample it, or use fewer blocks."
            )
        most = STEM_STRIDE * (2 * finest - 1)
        self.refuse_unfit(x, [most] * (x.ndim - 2))
        maps = []
        for name, part in self.features.named_children():
            x = part(x)
            if name.startswith("attention"):
                maps.append(x)
        return [*maps[:-1], x]

    def classify(self, last: Tensor) -> Tensor:
        """Return the logits of the last map."""
        logits: Tensor = self.class_layers(last)
        return logits
