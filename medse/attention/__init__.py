"""Attention blocks: each keeps its input's shape, in 2-D and in 3-D.

A new block is one file here and one line in :data:`ATTENTION`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from medse.attention.channel import ChannelSE, SqueezeExcitation
from medse.attention.concurrent import ConcurrentSE
from medse.attention.spatial import SpatialSE
from medse.registry import one_of, pick

ATTENTION: dict[str, Callable[..., nn.Module]] = {
    "se": SqueezeExcitation,
    "cse": ChannelSE,
    "sse": SpatialSE,
    "scse": ConcurrentSE,
}
"""Name in a config -> block; a block is built as ``block(spatial_dims, channels, **options)``."""

DERIVED = frozenset({"self", "spatial_dims", "channels"})
"""Parameters of a block that follow from the network around it."""

if TYPE_CHECKING:
    Attention = str | Mapping[str, Any] | Callable[[int, int], nn.Module] | None
else:
    Attention = one_of(ATTENTION, DERIVED) | None


def make_attention(attention: Attention, spatial_dims: int, channels: int) -> nn.Module:
    """Build the attention block for a feature map.

    Args:
        attention: A name from :data:`ATTENTION`; a mapping with that ``name`` and options of its
            constructor; your own factory called as ``factory(spatial_dims, channels)``; or None for no
            attention (the identity).
        spatial_dims: 2 or 3.
        channels: Channels of the feature map.

    Raises:
        InputError: The name or an option is unknown, or the options do not fit ``channels``.
    """
    if attention is None:
        return nn.Identity()
    if callable(attention):
        return attention(spatial_dims, channels)
    options = {"name": attention} if isinstance(attention, str) else dict(attention)
    block = pick(ATTENTION, options.pop("name"), "attention block")
    return block(spatial_dims, channels, **options)
