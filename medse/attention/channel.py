"""Channel squeeze-and-excitation: one gate per channel, computed from the channel means."""

from typing import ClassVar

from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention.block import AttentionBlock, Purpose, hidden_channels, typed_for
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pools import Mean
from medse.attention.ops.squeeze import scale, squeeze
from medse.attention.ops.tiles import statistics_dtype
from medse.attention.papers import SCSE, Paper


class SqueezeExcitation(AttentionBlock):
    """Channel gate with the reduction of Hu et al.

    Args:
        reduction: r; the hidden layer has ``C // r`` units.
        bias: Whether the two layers have biases, as in the authors' networks.
        gate: Function of the score.
    """

    title = "Squeeze-and-excitation"
    papers = (Paper("Hu, Shen, Sun", "Squeeze-and-Excitation Networks", "CVPR", 2018),)
    what = (
        "One gate per channel: the mean of each channel, two linear layers with a bottleneck and a ReLU "
        "between them, a sigmoid; the channel is multiplied by it."
    )
    use = "Baseline of every comparison."
    suits: ClassVar[tuple[Purpose, ...]] = ("a baseline to compare with",)
    parameter_formula = "2·C·m + m + C with m = C // reduction"
    published = ({"fc1": "fc1", "fc2": "fc2"}, {"fc1": "fc.0", "fc2": "fc.2"})

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

    def formula(self, x: Tensor) -> Tensor:
        """Return ``x * gate(W2 relu(W1 mean(x) + b1) + b2)``: equations 2-4."""
        means = x.mean(self.axes, dtype=statistics_dtype(x))  # (B, C)
        return x * self.excite(means).to(x.dtype)

    def excite(self, means: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the channel means ``(B, C)``."""
        hidden = self.fc1(typed_for(self.fc1, means)).relu()  # (B, C // r)
        return self.per_channel(GATES[self.gate](self.fc2(hidden)))

    def lean(self, x: Tensor) -> Tensor:
        x, means = squeeze(x, Mean())
        return scale(x, self.excite(means))


class ChannelSE(SqueezeExcitation):
    """Channel gate as in Roy et al.: the block of Hu et al. with a reduction of 2."""

    title = "Channel squeeze-and-excitation (cSE)"
    papers = (SCSE,)
    what = "The block se with a wider bottleneck, reduction 2."
    use = "Segmentation, to see what the channel half of scse does alone."
    suits = ()

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
