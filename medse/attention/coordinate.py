"""Coordinate attention: a gate along each axis, computed from the means over the other axes."""

from collections.abc import Sequence

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention.block import AttentionBlock, normalize
from medse.attention.gates import GATES, Gate
from medse.attention.ops.eager import lean
from medse.attention.ops.pooling import Profiles, split_profiles
from medse.attention.ops.scale import scale
from medse.attention.ops.squeeze import squeeze


class CoordinateAttention(AttentionBlock):
    """Product of one gate per axis, each varying along its axis only.

    The profiles (means over all other axes) lie one after the other, pass a shared 1x1 convolution to ``m``
    channels, batch normalisation and hard swish, and are cut again; each axis has its own 1x1 convolution back.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        reduction: r of ``m = max(min_channels, C // r)``.
        min_channels: Least m.
        gate: Function of the score.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Reference:
        Hou et al., Coordinate Attention for Efficient Mobile Network Design (CVPR 2021), equations 4-9. With three
        axes it is medse's: one more profile and one more gate. A volume with one slice is therefore not the 2-D
        block: its third profile is the mean over both other axes.
    """

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

    def excite(self, profiles: Tensor, spatial: Sequence[int]) -> list[Tensor]:
        """Return a gate per axis, each broadcasting against ``(B, C, *spatial)``."""
        hidden = _convolve(profiles.to(self.reduce.weight.dtype), self.reduce)  # (B, m, lengths)
        hidden = F.hardswish(normalize(self.norm, hidden.unsqueeze(-1))).squeeze(-1)
        parts = zip(self.expand, torch.split(hidden, list(spatial), dim=2), strict=True)
        scores = torch.cat([_convolve(part, expand) for expand, part in parts], dim=2)  # type: ignore[arg-type]
        return split_profiles(GATES[self.gate](scores), spatial)

    def recalibrate(self, x: Tensor) -> Tensor:
        x, profiles = squeeze(x, Profiles())
        return scale(x, *reversed(self.excite(profiles, x.shape[2:])))


def _convolve(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Apply a 1x1 convolution to ``(B, C, lengths)``."""
    if lean():
        return F.conv1d(x, conv.weight.squeeze(-1), conv.bias)
    y = conv.weight.flatten(1) @ x  # for a convolution, the compiler would lay out the whole feature map anew
    return y if conv.bias is None else y + conv.bias[:, None]
