"""ResNet with pre-activation, in Keras' layout."""

import math
from functools import partial
from typing import Annotated, Literal

from monai.networks.blocks import ADN, Convolution
from monai.networks.layers import Pad, Pool
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from medse.attention import Attention, make_attention
from medse.attention.papers import Paper
from medse.layers.convolution import Norm, norm_layer, widen_thin_maps
from medse.layers.lengths import Lengths, PerLevel, check_spatial_dims, odd_kernels, per_level
from medse.nets.blocks.residual import Residual, ResidualPlacement
from medse.nets.network import Classifier

Layout = Literal["keras", "timm"]
"""Whose weights fit; see :class:`ResNetV2`."""
EPSILON: dict[Layout, float] = {"keras": 1.001e-5, "timm": 1e-5}
"""What each adds to a variance."""
STRIDES: dict[Layout, tuple[int, ...]] = {"keras": (2, 2, 2, 2, 2, 1), "timm": (2, 2, 1, 2, 2, 2)}
"""Steps of each where there are four stages."""
EXPANSION = 4
"""Output channels of a block per channel of its spatial convolution."""
RELU = ("relu", {"inplace": True})


class ResNetV2(Classifier):
    """ResNet50V2: bottleneck blocks that normalise and activate before their convolutions.

    The stem is a biased convolution and a maximum pooling that zeros surround. The last block of each stage strides,
    with a 1x1(x1) maximum pooling as its shortcut; the first has a biased convolution of the pre-activated input.
    In timm's layout no convolution is biased, nothing surrounds the pooling, and the first block of a stage strides.
    Running statistics follow at PyTorch's rate of 0.1, where Keras' is 0.01.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes.
        channels: Channels of the stem and of the first stage's spatial convolutions; each stage doubles them.
        blocks: Residual blocks of each stage.
        strides: Step of the stem, of its maximum pooling (an axis of step 1 is not pooled), and of each stage; by
            default the layout's, for four stages.
        kernel_size: Odd lengths of the kernels of the blocks' spatial convolutions.
        layout: ``keras`` or ``timm``: where it strides, its biases, and what its norms add to a variance.
        attention: Block in every residual block; see :func:`medse.attention.make_attention`.
        placement: Where in the residual block; see :data:`.ResidualPlacement`. ``pre`` is before
            the pre-activation, or after it in the first block of a stage, whose shortcut shares it.
        norm: Normalisation before each activation.

    Attributes:
        stride: Total step along each axis.

    Shape:
        ``(B, in_channels, *spatial)`` to logits ``(B, out_channels)``, for any size that leaves the norm a variance.

    Raises:
        InputError: Numbers do not suit each other, the axes or the norm, the attention cannot take them, or the
            input is so small that the norm meets one number per channel.

    Reference:
        :attr:`papers`, as in ``keras.applications.ResNet50V2`` or as timm's ``resnetv2_50``, whose weights
        :func:`.load_published_weights` takes; both were trained on images scaled to [-1, 1].
    """

    title = "ResNet50V2"
    papers = (Paper("He, Zhang, Ren, Sun", "Identity Mappings in Deep Residual Networks", "ECCV", 2016),)
    what = "Residual blocks that normalise and activate before their convolutions, in the layout of Keras or timm."
    use = "Classification with the weights of either."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        channels: PositiveInt = 64,
        blocks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (3, 4, 6, 3),
        strides: PerLevel | None = None,
        kernel_size: Lengths = 3,
        layout: Layout = "keras",
        attention: Attention = None,
        placement: ResidualPlacement = "standard",
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        steps = per_level(strides or STRIDES[layout], 2 + len(blocks), spatial_dims, "strides")
        (kernel,) = odd_kernels((kernel_size,), 1, spatial_dims)
        one = (1,) * spatial_dims
        of_keras = layout == "keras"
        plain = partial(Convolution, spatial_dims, conv_only=True, bias=of_keras)
        normed = partial(_norm, norm, layout)

        def convolved(before: int, after: int, **shape: Lengths) -> Convolution:
            layers = {"adn_ordering": "NA", "act": RELU, "norm": normed(after), "bias": False}
            return Convolution(spatial_dims, before, after, **layers, **shape)

        def activated(width: int) -> ADN:
            return ADN("NA", width, RELU, normed(width), spatial_dims)

        def residual(before: int, width: int, stride: tuple[int, ...], *, first: bool) -> nn.Module:
            after = EXPANSION * width
            convolutions = [
                convolved(before, width, kernel_size=1),
                convolved(width, width, kernel_size=kernel, strides=stride),
                plain(width, after, kernel_size=1),
            ]
            placed = partial(
                Residual,
                act=nn.Identity(),
                attention=attention,
                placement=placement,
                spatial_dims=spatial_dims,
                in_channels=before,
                channels=after,
            )
            if first:
                projected = plain(before, after, kernel_size=1, strides=stride)
                return nn.Sequential(activated(before), placed(nn.Sequential(*convolutions), projected))
            strided = Pool["max", spatial_dims](1, stride) if stride != one else nn.Identity()
            return placed(nn.Sequential(activated(before), *convolutions), strided)

        self.norm = norm
        self.layout = layout
        self.stride = tuple(math.prod(along) for along in zip(*steps, strict=True))
        windows = tuple(3 if step > 1 else 1 for step in steps[1])
        borders = [n for window in reversed(windows) for n in (window // 2, window // 2)]
        self.stem = nn.Sequential(
            plain(in_channels, channels, kernel_size=7, strides=steps[0]),
            Pad["constantpad", spatial_dims](borders, 0.0 if of_keras else -math.inf),
            Pool["max", spatial_dims](windows, steps[1]),
        )
        self.stages = nn.ModuleList()
        before = channels
        for level, (count, stride) in enumerate(zip(blocks, steps[2:], strict=True)):
            width = channels * 2**level
            stage = [
                residual(
                    EXPANSION * width if n else before,
                    width,
                    stride if n == (count - 1 if of_keras else 0) else one,
                    first=n == 0,
                )
                for n in range(count)
            ]
            self.stages.append(nn.Sequential(*stage))
            before = EXPANSION * width
        self.activated = activated(before)
        self.map_channels = tuple(EXPANSION * channels * 2**level for level in range(len(blocks)))
        self.attention = make_attention(attention if placement == "head" else None, spatial_dims, before)
        self.last_map = "attention"
        self.mean = nn.Sequential(Pool["adaptiveavg", spatial_dims](1), nn.Flatten())
        self.classifier = nn.Linear(before, out_channels)
        widen_thin_maps(self)

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Return the map after each stage, the last one normalised and activated."""
        self.refuse_unfit(x, self.stride)
        x = self.stem(x)
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return [*maps[:-1], self.attention(self.activated(x))]

    def classify(self, last: Tensor) -> Tensor:
        """Return the logits of the last map."""
        logits: Tensor = self.classifier(self.mean(last))
        return logits


def _norm(norm: Norm, layout: Layout, channels: int) -> tuple[str, dict[str, object]]:
    name, options = norm_layer(norm, [channels])
    return name, {**options, "eps": EPSILON[layout]}
