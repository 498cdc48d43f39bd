"""Squeeze-and-excitation with a learned spatial pooling instead of the mean."""

from monai.networks.layers.factories import Conv
from pydantic import PositiveInt
from torch import Tensor, nn

from medse.attention.block import AttentionBlock, hidden_channels, normalize
from medse.attention.gates import GATES, Gate
from medse.attention.ops.adaptive_pooling import Bins
from medse.attention.ops.scale import scale
from medse.attention.ops.squeeze import squeeze
from medse.errors import InputError


class SpatialPyramidSE(AttentionBlock):
    """SPSE: the channel's descriptor is a weighted sum of its means on grids of several sizes.

    On each grid a depthwise convolution weighs the bins; the sum over the grids passes batch normalisation and
    ReLU, then the two layers of squeeze-and-excitation.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        reduction: r; the hidden layer has ``C // r`` units.
        levels: Bins per axis of each grid.
        gate: Function of the score.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D. On an axis shorter than a grid, bins share voxels.

    Raises:
        InputError: ``reduction`` does not fit ``channels``, or ``levels`` is empty or repeats a number.

    Reference:
        Jin et al., Delving deep into spatial pooling for squeeze-and-excitation networks (Pattern Recognition 121,
        2022), section 3.2. In 3-D the kernels have one more axis; that is medse's.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        levels: tuple[PositiveInt, ...] = (1, 2, 4),
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = hidden_channels(channels, reduction)
        if not levels or min(levels) < 1 or len(set(levels)) < len(levels):
            raise InputError(
                f"levels is {list(levels)}; allowed are different numbers from 1; give for example 1, 2, 4."
            )
        convolution = Conv[Conv.CONV, spatial_dims]
        self.weigh = nn.ModuleList(
            convolution(channels, channels, kernel_size=bins, groups=channels) for bins in levels
        )
        self.norm = nn.BatchNorm1d(channels)
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.levels = levels
        self.gate = gate

    def excite(self, bins: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the bins ``(B, C, bins of all grids)``."""
        bins = bins.to(self.fc1.weight.dtype)
        grids = zip(self.weigh, Bins(self.levels).split(bins, self.spatial_dims), strict=True)
        described = [weigh(grid).flatten(1) for weigh, grid in grids]
        descriptor = normalize(self.norm, sum(described)).relu()
        scores = self.fc2(self.fc1(descriptor).relu())
        return GATES[self.gate](scores).reshape(*scores.shape, *(1,) * self.spatial_dims)

    def recalibrate(self, x: Tensor) -> Tensor:
        x, bins = squeeze(x, Bins(self.levels))
        return scale(x, self.excite(bins))


class ResolutionGuidedSE(AttentionBlock):
    """RGSE: the channel's descriptor is a weighted sum of its means on one grid.

    A depthwise convolution without bias weighs the bins, followed by batch normalisation; a grid of one bin has
    neither. Then ReLU and the two layers of squeeze-and-excitation.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        reduction: r; the hidden layer has ``C // r`` units.
        grid: Bins per axis. The authors tie it to the stage of a ResNet: 8, 4, 2 and 1 where a picture of
            224 x 224 has become 56, 28, 14 and 7, that is bins of 7 x 7.
        gate: Function of the score.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D, of any size: the bins adapt to it, where the authors' code is
        bound to multiples of 7.

    Raises:
        InputError: ``reduction`` does not fit ``channels``.

    Reference:
        Jin et al., Delving deep into spatial pooling for squeeze-and-excitation networks (Pattern Recognition 121,
        2022), section 3.3. In 3-D the kernel has one more axis; that is medse's.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        grid: PositiveInt = 4,
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = hidden_channels(channels, reduction)
        if grid > 1:
            self.weigh = Conv[Conv.CONV, spatial_dims](
                channels, channels, kernel_size=grid, groups=channels, bias=False
            )
            self.norm = nn.BatchNorm1d(channels)
        self.fc1 = nn.Linear(channels, hidden)
        self.fc2 = nn.Linear(hidden, channels)
        self.grid = grid
        self.gate = gate

    def excite(self, bins: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the bins ``(B, C, bins of the grid)``."""
        bins = bins.to(self.fc1.weight.dtype)
        (grid,) = Bins((self.grid,)).split(bins, self.spatial_dims)
        descriptor = normalize(self.norm, self.weigh(grid).flatten(1)) if self.grid > 1 else grid.flatten(1)
        scores = self.fc2(self.fc1(descriptor.relu()).relu())
        return GATES[self.gate](scores).reshape(*scores.shape, *(1,) * self.spatial_dims)

    def recalibrate(self, x: Tensor) -> Tensor:
        x, bins = squeeze(x, Bins((self.grid,)))
        return scale(x, self.excite(bins))
