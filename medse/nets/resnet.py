"""ResNet, version 1.5."""

import math
from functools import partial
from typing import Literal

from monai.networks.layers import Act, Pool
from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention import Attention, make_attention
from medse.attention.papers import Paper
from medse.layers.convolution import Norm, conv_norm_act, widen_thin_maps
from medse.layers.lengths import Lengths, PerLevel, check_spatial_dims, odd_kernels, per_level
from medse.nets.blocks.residual import Residual, ResidualPlacement
from medse.nets.network import Classifier

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
"""Depth -> residual blocks of each stage."""
EXPANSION = {18: 1, 34: 1, 50: 4}
"""Depth -> output channels of a block per channel of its spatial convolutions."""


class ResNet(Classifier):
    """ResNet whose strides sit in the spatial convolutions and whose shortcuts are projected where shapes change.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes.
        depth: Layers; 50 has bottleneck blocks.
        channels: Channels of the stem and of the first stage's spatial convolutions; each stage doubles them.
        strides: Step of the stem, of its maximum pooling (an axis of step 1 is not pooled), and of the four stages.
        kernel_size: Odd lengths of the kernels of the blocks' spatial convolutions.
        attention: Block in every residual block; see :func:`medse.attention.make_attention`.
        placement: Where in the residual block; see :data:`medse.nets.blocks.residual.ResidualPlacement`.
        norm: Normalisation after each convolution.

    Attributes:
        stride: Total step along each axis.

    Shape:
        ``(B, in_channels, *spatial)`` to logits ``(B, out_channels)``, for any size that leaves the norm a variance.

    Raises:
        InputError: Numbers do not suit each other, the axes or the norm, the attention cannot take them, or the
            input is so small that the norm meets one number per channel.

    Reference:
        :attr:`papers`, with the stride in the 3x3 convolution as in torchvision, whose weights
        :func:`medse.nets.published_weights.load_published_weights` takes.
    """

    title = "ResNet-18, 34 and 50 (v1.5)"
    papers = (Paper("He, Zhang, Ren, Sun", "Deep Residual Learning for Image Recognition", "CVPR", 2016),)
    what = (
        "Residual blocks that add their input; the step sits in the middle convolution of a bottleneck block."
    )
    use = "Classification; most attention papers report it."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        depth: Literal[18, 34, 50] = 50,
        channels: PositiveInt = 64,
        strides: PerLevel = (2, 2, 1, 2, 2, 2),
        kernel_size: Lengths = 3,
        attention: Attention = None,
        placement: ResidualPlacement = "standard",
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        steps = per_level(strides, 2 + len(BLOCKS[depth]), spatial_dims, "strides")
        (kernel,) = odd_kernels((kernel_size,), 1, spatial_dims)
        relu = ("relu", {"inplace": True})
        conv = partial(conv_norm_act, spatial_dims, norm=norm, act=relu)
        one = (1,) * spatial_dims

        def residual(before: int, width: int, after: int, stride: tuple[int, ...]) -> Residual:
            branch = (
                [
                    conv(before, width, kernel_size=1),
                    conv(width, width, kernel_size=kernel, stride=stride),
                    conv(width, after, kernel_size=1, act=None),
                ]
                if EXPANSION[depth] > 1
                else [
                    conv(before, width, kernel_size=kernel, stride=stride),
                    conv(width, after, kernel_size=kernel, act=None),
                ]
            )
            same = before == after and stride == one
            return Residual(
                nn.Sequential(*branch),
                nn.Identity() if same else conv(before, after, kernel_size=1, stride=stride, act=None),
                Act["relu"](inplace=True),
                attention=attention,
                placement=placement,
                spatial_dims=spatial_dims,
                in_channels=before,
                channels=after,
            )

        self.norm = norm
        self.stride = tuple(math.prod(along) for along in zip(*steps, strict=True))
        self.stem = conv(in_channels, channels, kernel_size=7, stride=steps[0])
        windows = tuple(3 if step > 1 else 1 for step in steps[1])
        self.pool = Pool["max", spatial_dims](windows, steps[1], padding=tuple(w // 2 for w in windows))
        self.stages = nn.ModuleList()
        before = channels
        for level, (count, stride) in enumerate(zip(BLOCKS[depth], steps[2:], strict=True)):
            width = channels * 2**level
            after = EXPANSION[depth] * width
            rest = [residual(after, width, after, one) for _ in range(count - 1)]
            self.stages.append(nn.Sequential(residual(before, width, after, stride), *rest))
            before = after
        self.map_channels = tuple(
            EXPANSION[depth] * channels * 2**level for level in range(len(BLOCKS[depth]))
        )
        self.attention = make_attention(attention if placement == "head" else None, spatial_dims, before)
        self.last_map = "attention"
        self.mean = nn.Sequential(Pool["adaptiveavg", spatial_dims](1), nn.Flatten())
        self.classifier = nn.Linear(before, out_channels)
        widen_thin_maps(self)

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Return the map after each stage."""
        self.refuse_unfit(x, self.stride)
        x = self.pool(self.stem(x))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return [*maps[:-1], self.attention(x)]

    def classify(self, last: Tensor) -> Tensor:
        """Return the logits of the last map."""
        logits: Tensor = self.classifier(self.mean(last))
        return logits
