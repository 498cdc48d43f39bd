"""All attention blocks, by name."""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import torch
from pydantic import Field
from torch import Tensor, nn

from medse.attention.block import DERIVED, AttentionBlock, Purpose
from medse.attention.cbam import ConvolutionalBlockAttention
from medse.attention.channel import ChannelSE, SqueezeExcitation
from medse.attention.concurrent import ConcurrentSE
from medse.attention.coordinate import CoordinateAttention
from medse.attention.efficient import EfficientChannelAttention
from medse.attention.fca.spectral import SpectralAttention
from medse.attention.project_excite import ProjectExcite
from medse.attention.simam import SimAM
from medse.attention.spatial import SpatialSE
from medse.attention.spatial_pooling import ResolutionGuidedSE, SpatialPyramidSE
from medse.registry import Count, SpatialDims, build_from, check_arguments, one_of

MECHANISMS: dict[str, type[AttentionBlock]] = {
    "se": SqueezeExcitation,
    "cse": ChannelSE,
    "sse": SpatialSE,
    "scse": ConcurrentSE,
    "pe": ProjectExcite,
    "eca": EfficientChannelAttention,
    "fca": SpectralAttention,
    "coord": CoordinateAttention,
    "simam": SimAM,
    "spse": SpatialPyramidSE,
    "rgse": ResolutionGuidedSE,
    "cbam": ConvolutionalBlockAttention,
}
"""Name in a config -> block; a block is built as ``block(spatial_dims, channels, **options)``."""

if TYPE_CHECKING:
    Mechanism = str | Mapping[str, Any]
else:
    Mechanism = one_of(MECHANISMS, DERIVED)


class HybridAttention(AttentionBlock):
    """Two or more mechanisms, one after the other or side by side.

    Side by side, each sees the input; ``max`` takes the largest of their results at every voxel, ``add`` the sum.
    Which mechanisms go together well is an open question; the surveys suggest ``[eca, coord]``.

    Args:
        blocks: Names, or mappings of a name and options, of single mechanisms.
        combine: ``sequence``, in the order given; or ``max`` or ``add``, side by side.
    """

    title = "Hybrid of several blocks"
    papers = ()
    what = "Two or more blocks, one after the other or side by side on the same input."
    use = "Ablations: what two mechanisms do together."
    ours = "All of it."
    parameter_formula = "the sum of its blocks"

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        blocks: Annotated[tuple[Mechanism, ...], Field(min_length=2)] = ("eca", "coord"),
        combine: Literal["sequence", "max", "add"] = "sequence",
    ) -> None:
        super().__init__(spatial_dims, channels)
        self.blocks = nn.ModuleList(
            build_from(MECHANISMS, block, DERIVED, "attention block", spatial_dims, channels)
            for block in blocks
        )
        self.combine = combine

    def formula(self, x: Tensor) -> Tensor:
        if self.combine == "sequence":
            for block in self.blocks:
                x = block(x)
            return x
        results: list[Tensor] = [block(x) for block in self.blocks]
        return reduce(torch.maximum if self.combine == "max" else torch.add, results)


ATTENTION: dict[str, type[AttentionBlock]] = {**MECHANISMS, "hybrid": HybridAttention}
"""Name in a config -> block: the mechanisms, and what is made of several."""

if TYPE_CHECKING:
    Attention = str | Mapping[str, Any] | Callable[[int, int], nn.Module] | None
else:
    Attention = one_of(ATTENTION, DERIVED) | None


@check_arguments("attention")
def make_attention(attention: Attention, spatial_dims: SpatialDims, channels: Count) -> nn.Module:
    """Build the attention block for a feature map.

    Args:
        attention: A name from :data:`ATTENTION`; a mapping with that ``name`` and options of its
            constructor; your own factory called as ``factory(spatial_dims, channels)``; or None or ``none`` for
            no attention (the identity).
        spatial_dims: 2 or 3.
        channels: Channels of the feature map.

    Raises:
        InputError: The name or an option is unknown, or the options do not fit ``channels``.

    Example:
        >>> import torch
        >>> block = make_attention({"name": "scse", "reduction": 2}, spatial_dims=3, channels=8)
        >>> block(torch.zeros(1, 8, 4, 4, 4)).shape
        torch.Size([1, 8, 4, 4, 4])
    """
    if attention is None or attention == "none":  # as a configuration spells it
        return nn.Identity()
    if callable(attention):
        return attention(spatial_dims, channels)
    return build_from(ATTENTION, attention, DERIVED, "attention block", spatial_dims, channels)


def guide() -> dict[str, list[str]]:
    """Return for each purpose the blocks to try first."""
    return {
        purpose: [name for name, block in ATTENTION.items() if purpose in block.suits]
        for purpose in get_args(Purpose)
    }
