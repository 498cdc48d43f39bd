"""MobileNetV2, with attention where the authors of coordinate attention put it."""

import math
from functools import partial

from monai.networks.blocks import Convolution
from monai.networks.layers import Pool, SkipConnection
from pydantic import PositiveFloat
from torch import Tensor, nn

from medse.attention import Attention, make_attention
from medse.attention.papers import COORDINATE, Paper
from medse.layers.convolution import Norm, norm_layer, widen_thin_maps
from medse.layers.lengths import Lengths, PerLevel, check_spatial_dims, odd_kernels, per_level
from medse.nets.network import Classifier

MOBILENETV2 = Paper(
    "Sandler, Howard, Zhu, Zhmoginov, Chen",
    "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
    "CVPR",
    2018,
)
STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
"""Expansion, channels and number of blocks of each stage."""
STEM, LAST = 32, 1280
"""Channels of the first and of the last convolution."""
DROPOUT = 0.2


class MobileNetV2(Classifier):
    """MobileNetV2: inverted residual blocks, whose middle is wide and convolved depthwise.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes.
        width: Factor of all numbers of channels, which are rounded to multiples of 8; the last convolution's is not
            lessened.
        strides: Step of the stem and of the seven stages.
        kernel_size: Odd lengths of the depthwise kernels.
        attention: Block between the activated depthwise convolution and the linear projection of every block that
            expands; see :func:`medse.attention.make_attention`.
        norm: Normalisation after each convolution.

    Attributes:
        stride: Total step along each axis.

    Shape:
        ``(B, in_channels, *spatial)`` to logits ``(B, out_channels)``, for any size that leaves the norm a variance.

    Raises:
        InputError: Numbers do not suit each other, the axes or the norm, the attention cannot take them, or the
            input is so small that the norm meets one number per channel.

    Reference:
        Sandler et al., table 2; Hou et al. for the place of attention.
    """

    title = "MobileNetV2"
    papers = (MOBILENETV2, COORDINATE)
    what = "Inverted residual blocks: widen, convolve each channel alone, attend, narrow, add."
    use = "Classification where memory or time is short."

    def __init__(
        self,
        spatial_dims: int,
        in_channels: int,
        out_channels: int,
        *,
        width: PositiveFloat = 1.0,
        strides: PerLevel = (2, 1, 2, 2, 2, 1, 2, 1),
        kernel_size: Lengths = 3,
        attention: Attention = None,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        steps = per_level(strides, 1 + len(STAGES), spatial_dims, "strides")
        (kernel,) = odd_kernels((kernel_size,), 1, spatial_dims)
        relu6 = ("relu6", {"inplace": True})
        conv = partial(
            Convolution,
            spatial_dims,
            adn_ordering="NA",
            act=relu6,
            norm=norm_layer(norm, [8]),  # as all widths are, see _rounded
            bias=False,
        )

        def inverted(before: int, expansion: int, after: int, stride: tuple[int, ...]) -> nn.Module:
            hidden = expansion * before
            depthwise = conv(hidden, hidden, kernel_size=kernel, strides=stride, groups=hidden)
            projection = conv(hidden, after, kernel_size=1, adn_ordering="N", act=None)
            if expansion == 1:
                branch = nn.Sequential(depthwise, projection)
            else:
                gates = make_attention(attention, spatial_dims, hidden)
                branch = nn.Sequential(conv(before, hidden, kernel_size=1), depthwise, gates, projection)
            same = before == after and max(stride) == 1
            return SkipConnection(branch, mode="add") if same else branch

        self.norm = norm
        self.stride = tuple(math.prod(along) for along in zip(*steps, strict=True))
        before = _rounded(STEM * width)
        features = [conv(in_channels, before, strides=steps[0])]
        ends = list[int]()
        map_channels = list[int]()
        for (expansion, channels, count), stride in zip(STAGES, steps[1:], strict=True):
            after = _rounded(channels * width)
            if max(stride) > 1:
                ends.append(len(features))
                map_channels.append(before)
            for n in range(count):
                features.append(inverted(before, expansion, after, (1,) * spatial_dims if n else stride))
                before = after
        last = _rounded(LAST * max(1.0, width))
        self.features = nn.Sequential(*features, conv(before, last, kernel_size=1))
        self.ends = (*ends, len(self.features))
        self.map_channels = (*map_channels, last)
        self.last_map = f"features.{len(self.features) - 1}"
        self.mean = nn.Sequential(Pool["adaptiveavg", spatial_dims](1), nn.Flatten(), nn.Dropout(DROPOUT))
        self.classifier = nn.Linear(last, out_channels)
        widen_thin_maps(self)

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Return the map before each step and the last one."""
        self.refuse_unfit(x, self.stride)
        maps = []
        for number, part in enumerate(self.features, start=1):
            x = part(x)
            if number in self.ends:
                maps.append(x)
        return maps

    def classify(self, last: Tensor) -> Tensor:
        """Return the logits of the last map."""
        logits: Tensor = self.classifier(self.mean(last))
        return logits


def _rounded(channels: float) -> int:
    """Return the nearest multiple of 8, or the next one where that loses more than a tenth."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * channels else nearest + 8
