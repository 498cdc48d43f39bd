"""Channel squeeze-and-excitation: one gate per channel, computed from the channel means."""

from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention.block import AttentionBlock, hidden_channels
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pooling import Mean
from medse.attention.ops.scale import scale
from medse.attention.ops.squeeze import squeeze


class SqueezeExcitation(AttentionBlock):
    """Channel gate with the reduction of Hu et al.

    ``y = x * gate(W2 relu(W1 mean(x) + b1) + b2)``, the mean running over every spatial axis.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        reduction: r; the hidden layer has ``C // r`` units.
        bias: Whether the two layers have biases, as in the authors' networks.
        gate: Function of the score.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: ``reduction`` is below 1 or larger than ``channels``.

    Reference:
        Hu et al., Squeeze-and-Excitation Networks (CVPR 2018), equations 2-4.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        bias: bool = True,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = hidden_channels(channels, reduction)
        self.fc1 = nn.Linear(channels, hidden, bias=bias)
        self.fc2 = nn.Linear(hidden, channels, bias=bias)
        self.gate = gate

    def excite(self, means: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the channel means ``(B, C)``."""
        scores = self.fc2(self.fc1(means.to(self.fc1.weight.dtype)).relu())
        return GATES[self.gate](scores).reshape(*scores.shape, *(1,) * self.spatial_dims)

    def recalibrate(self, x: Tensor) -> Tensor:
        x, means = squeeze(x, Mean())
        return scale(x, self.excite(means))


class ChannelSE(SqueezeExcitation):
    """Channel gate as in Roy et al.: the block of Hu et al. with a reduction of 2.

    Reference:
        Roy et al., Concurrent Spatial and Channel Squeeze & Excitation (MICCAI 2018), section 2.1.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 2,
        bias: bool = True,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels, reduction=reduction, bias=bias, gate=gate)
