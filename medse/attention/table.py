"""All attention blocks, by name."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from medse.attention.block import AttentionBlock
from medse.attention.hybrid import HybridAttention
from medse.attention.mechanisms import DERIVED, MECHANISMS
from medse.registry import build_from, one_of

ATTENTION: dict[str, type[AttentionBlock]] = {**MECHANISMS, "hybrid": HybridAttention}
"""Name in a config -> block."""

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
    return build_from(ATTENTION, attention, DERIVED, "attention block", spatial_dims, channels)
