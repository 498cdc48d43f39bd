"""Coordinate attention: a gate along each axis, computed from the means over the other axes."""

from collections.abc import Sequence

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention.block import AttentionBlock, is_plain, normalize, typed_for
from medse.attention.gates import GATES, Gate
from medse.attention.ops import tracing
from medse.attention.ops.pools import Profiles, profiles, split_profiles
from medse.attention.ops.squeeze import scale, squeeze
from medse.attention.papers import COORDINATE


class CoordinateAttention(AttentionBlock):
    """Product of one gate per axis, each varying along its axis only.

    Args:
        reduction: r of ``m = max(min_channels, C // r)``.
        min_channels: Least m.
        gate: Function of the score.
    """

    title = "Coordinate attention"
    papers = (COORDINATE,)
    what = (
        "One gate per position along each axis and channel: the profiles along all axes, end to end, go "
        "through a common 1x1 convolution, batch norm and hard swish, then each through a 1x1 convolution "
        "and a sigmoid; the input is multiplied by the gates of all axes."
    )
    use = "Segmentation and mobile networks."
    ours = (
        "The 3-D form: three profiles and three gates. A volume of one slice is therefore not the 2-D block: "
        "its third profile is the mean over both other axes."
    )
    suits = ("segmentation", "mobile and embedded networks")
    parameter_formula = "(d + 1)·C·m + 3·m + d·C with m = max(min_channels, C // reduction)"
    published = (
        {"reduce": "conv1", "norm": "bn1", "expand.0": "conv_h", "expand.1": "conv_w"},
        {"reduce": "conv1", "norm": "bn1", "expand.0": "conv2", "expand.1": "conv3"},
    )

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 32,
        min_channels: PositiveInt = 8,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = max(min_channels, channels // reduction)
        self.reduce = nn.Conv2d(channels, hidden, kernel_size=1)
        self.norm = nn.BatchNorm2d(hidden)
        self.expand = nn.ModuleList(nn.Conv2d(hidden, channels, kernel_size=1) for _ in range(spatial_dims))
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        """Return ``x`` times its gate along each axis: equations 4-9."""
        y = x
        for gate in reversed(self.excite(profiles(x), x.shape[2:])):
            y = y * gate.to(x.dtype)
        return y

    def excite(self, along_axes: Tensor, spatial: Sequence[int]) -> list[Tensor]:
        """Return a gate per axis, such as ``(B, C, 1, H, 1)``, of the profiles, which lie end to end."""
        hidden = _convolve(along_axes, self.reduce)  # (B, m, lengths)
        hidden = F.hardswish(normalize(self.norm, hidden.unsqueeze(-1))).squeeze(-1)
        parts = zip(self.expand, torch.split(hidden, list(spatial), dim=2), strict=True)
        scores = torch.cat([_convolve(part, expand) for expand, part in parts], dim=2)  # type: ignore[arg-type]
        return split_profiles(GATES[self.gate](scores), spatial)

    def lean(self, x: Tensor) -> Tensor:
        x, along_axes = squeeze(x, Profiles())
        return scale(x, *reversed(self.excite(along_axes, x.shape[2:])))


def _convolve(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Apply a 1x1 convolution to ``(B, C, lengths)``."""
    x = typed_for(conv, x)
    if not is_plain(conv):
        return conv(x.unsqueeze(-1)).squeeze(-1)  # type: ignore[no-any-return]
    if tracing.eager():
        return F.conv1d(x, conv.weight.squeeze(-1), conv.bias)
    y = conv.weight.flatten(1) @ x  # for a convolution, the compiler would lay out the whole feature map anew
    return y if conv.bias is None else y + conv.bias[:, None]
