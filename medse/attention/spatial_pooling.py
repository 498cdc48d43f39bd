"""Squeeze-and-excitation with a learned spatial pooling instead of the mean."""

from typing import Annotated

from monai.networks.layers.factories import Conv
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from medse.attention.block import AttentionBlock, hidden_channels, normalize, typed_for
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pools import Bins, contract, pooling_matrix
from medse.attention.ops.squeeze import scale, squeeze
from medse.attention.ops.tiles import statistics_dtype
from medse.attention.papers import Paper
from medse.errors import InputError

POOLING = Paper(
    "Jin, Xie, Wei, Zhao, Chen, Tan",
    "Delving deep into spatial pooling for squeeze-and-excitation networks",
    "Pattern Recognition 121, 108159",
    2022,
)
PUBLISHED_LAYERS = {"fc1": "fc_reduction", "fc2": "fc_extention"}


class SpatialPyramidSE(AttentionBlock):
    """SPSE: the channel's descriptor is a weighted sum of its means on grids of several sizes.

    Args:
        reduction: r; the hidden layer has ``C // r`` units.
        levels: Bins per axis of each grid.
        gate: Function of the score.
    """

    title = "Spatial pyramid squeeze-and-excitation (SPSE)"
    papers = (POOLING,)
    what = (
        "The block se on more than means: each channel is pooled to grids of several sizes, each grid is "
        "summed with learned weights of that channel, and the sums are added and batch-normalised."
    )
    use = "Classification, to try a pooling richer than the mean."
    ours = "The 3-D form: cubic grids."
    parameter_formula = (
        "(sum(k**d for k in levels) + len(levels) + 2)·C + 2·C·m + m + C with m = C // reduction"
    )
    published = (
        {**{f"weigh.{n}": f"fc_spatial{2**n}" for n in range(3)}, "norm": "fc_bn", **PUBLISHED_LAYERS},
    )

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        levels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (1, 2, 4),
        gate: Gate = "sigmoid",
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = hidden_channels(channels, reduction)
        if len(set(levels)) < len(levels):
            raise InputError(
                f"levels is {list(levels)}; allowed are different numbers; give for example 1, 2, 4."
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

    def formula(self, x: Tensor) -> Tensor:
        """Section 3.2: grids of means, weighed and added, then the layers of squeeze-and-excitation."""
        grids = [pooled(x, bins) for bins in self.levels]  # each (B, C, bins, ..., bins)
        return x * self.excite(grids).to(x.dtype)

    def excite(self, grids: list[Tensor]) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the grids."""
        pairs = zip(self.weigh, grids, strict=True)
        described = [weigh(typed_for(weigh, grid)).flatten(1) for weigh, grid in pairs]
        descriptor = normalize(self.norm, sum(described)).relu()  # (B, C)
        return self.per_channel(GATES[self.gate](self.fc2(self.fc1(typed_for(self.fc1, descriptor)).relu())))

    def lean(self, x: Tensor) -> Tensor:
        bins = Bins(self.levels)
        x, numbers = squeeze(x, bins)
        return scale(x, self.excite(bins.split(numbers, self.spatial_dims)))


class ResolutionGuidedSE(AttentionBlock):
    """RGSE: the channel's descriptor is a weighted sum of its means on one grid.

    Args:
        reduction: r; the hidden layer has ``C // r`` units.
        grid: Bins per axis. The authors tie it to the stage of a ResNet: 8, 4, 2 and 1 where a picture of
            224 x 224 has become 56, 28, 14 and 7, that is bins of 7 x 7.
        gate: Function of the score.
    """

    title = "Resolution-guided squeeze-and-excitation (RGSE)"
    papers = (POOLING,)
    what = (
        "The block se on more than means: each channel is pooled to one grid, which is summed with learned "
        "weights of that channel and batch-normalised; a grid of one bin has neither."
    )
    use = "Classification, to try a pooling richer than the mean."
    ours = "The 3-D form: a cubic grid; a grid of one size for inputs of every size, by adaptive pooling."
    parameter_formula = "(grid**d + 2)·C + 2·C·m + m + C with m = C // reduction"
    published = ({"weigh": "fc_spatial.fc_spatial", "norm": "fc_spatial.bn_spatial", **PUBLISHED_LAYERS},)

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

    def formula(self, x: Tensor) -> Tensor:
        """Section 3.3: one grid of means, weighed, then the layers of squeeze-and-excitation."""
        return x * self.excite(pooled(x, self.grid)).to(x.dtype)

    def excite(self, grid: Tensor) -> Tensor:
        """Return the gates ``(B, C, 1, ..., 1)`` of the grid ``(B, C, bins, ..., bins)``."""
        descriptor = grid.flatten(1)
        if self.grid > 1:
            descriptor = normalize(self.norm, self.weigh(typed_for(self.weigh, grid)).flatten(1))
        hidden = self.fc1(typed_for(self.fc1, descriptor.relu())).relu()
        return self.per_channel(GATES[self.gate](self.fc2(hidden)))

    def lean(self, x: Tensor) -> Tensor:
        bins = Bins((self.grid,))
        x, numbers = squeeze(x, bins)
        (grid,) = bins.split(numbers, self.spatial_dims)
        return scale(x, self.excite(grid))


def pooled(x: Tensor, bins: int) -> Tensor:
    """Average to ``bins`` per axis, which share voxels where the axis is shorter: adaptive average pooling.

    It is one product with a matrix per axis, because ONNX has no adaptive pooling of volumes.
    """
    x = x.to(statistics_dtype(x))
    for axis in reversed(range(2, x.ndim)):
        x = contract(x, pooling_matrix(x.shape[axis], bins, x), axis)
    return x
