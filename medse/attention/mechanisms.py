"""The single mechanisms, by name."""

from collections.abc import Mapping
from typing import Any

from medse.attention.block import AttentionBlock
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
from medse.registry import build_from

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

DERIVED = frozenset({"self", "spatial_dims", "channels"})
"""Parameters of a block that follow from the network around it."""


def make_mechanism(mechanism: str | Mapping[str, Any], spatial_dims: int, channels: int) -> AttentionBlock:
    """Build one of :data:`MECHANISMS` from its name, or from a mapping of ``name`` and options."""
    return build_from(MECHANISMS, mechanism, DERIVED, "attention block", spatial_dims, channels)
