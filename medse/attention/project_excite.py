"""Project & excite: a gate per voxel and channel, computed from the profiles along the axes."""

from functools import reduce

import torch
from monai.networks.layers.factories import Conv
from pydantic import PositiveInt
from torch import Tensor

from medse.attention.block import AttentionBlock, hidden_channels, is_plain, typed_for
from medse.attention.gates import GATES, Gate
from medse.attention.ops.pools import Profiles, profiles, split_profiles
from medse.attention.ops.project_excite import gate_grid, gated_grid
from medse.attention.ops.squeeze import squeeze
from medse.attention.papers import Paper


class ProjectExcite(AttentionBlock):
    """Gate ``gate(W2 relu(W1 z + b1) + b2)`` of each voxel, with ``z`` the sum of the profiles that meet there.

    Args:
        reduction: r; the hidden layer has ``C // r`` channels.
        gate: Function of the score.
    """

    title = "Project & excite (P&E)"
    papers = (
        Paper(
            "Rickmann, Roy, Sarasua, Navab, Wachinger",
            "'Project & Excite' Modules for Segmentation of Volumetric Medical Scans",
            "MICCAI",
            2019,
        ),
    )
    what = (
        "One gate per voxel and channel: the means over all axes but one are profiles along depth, height "
        "and width; their sum at each voxel goes through two 1x1 convolutions with a bottleneck and a ReLU, "
        "and a sigmoid."
    )
    use = "Segmentation of 3-D volumes."
    ours = "The 2-D form: a row profile plus a column profile."
    suits = ("segmentation of 3-D volumes",)
    parameter_formula = "2·C·m + m + C with m = C // reduction"
    published = ({"reduce": "conv_c", "expand": "conv_cT"},)

    def __init__(
        self, spatial_dims: int, channels: int, *, reduction: PositiveInt = 2, gate: Gate = "sigmoid"
    ) -> None:
        super().__init__(spatial_dims, channels)
        hidden = hidden_channels(channels, reduction)
        self.reduce = Conv[Conv.CONV, spatial_dims](channels, hidden, kernel_size=1)
        self.expand = Conv[Conv.CONV, spatial_dims](hidden, channels, kernel_size=1)
        self.gate = gate

    def formula(self, x: Tensor) -> Tensor:
        """Equations 1-3.

        As long as the layers are plain, but for one exchange: ``W1 (z1 + z2 + z3) = W1 z1 + W1 z2 + W1 z3``, which
        costs less.
        """
        along_axes = profiles(x)
        if self.is_plain():
            expand, bias = self.expand, self.reduce.bias
            return gated_grid(x, self.project(along_axes), bias, expand.weight, expand.bias, self.gate)
        z = reduce(torch.add, split_profiles(along_axes, x.shape[2:]))  # (B, C, *spatial)
        hidden = self.reduce(typed_for(self.reduce, z)).relu()
        return x * GATES[self.gate](self.expand(typed_for(self.expand, hidden))).to(x.dtype)

    def is_plain(self) -> bool:
        """Return whether both layers do nothing but their arithmetic."""
        return is_plain(self.reduce) and is_plain(self.expand)

    def project(self, along_axes: Tensor) -> Tensor:
        """Return ``W1`` times the profiles, which lie end to end: ``(B, C // r, lengths)``."""
        weight: Tensor = self.reduce.weight
        return weight.flatten(1) @ along_axes.to(weight.dtype)

    def lean(self, x: Tensor) -> Tensor:
        if not self.is_plain():
            return self.formula(x)
        x, along_axes = squeeze(x, Profiles())
        expand = self.expand
        return gate_grid(x, self.project(along_axes), self.reduce.bias, expand.weight, expand.bias, self.gate)
