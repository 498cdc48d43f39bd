"""Where attention stands in an encoder-decoder."""

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from medse.attention import Attention, make_attention

Place = Literal["encoder", "bottleneck", "decoder", "skip"]
Placement = Annotated[tuple[Place, ...], Field(min_length=1)]
"""Any of: after each encoder block, after the deepest block, after each decoder block, on each skip connection."""

AS_ROY: Placement = ("encoder", "decoder")
"""After every encoder and decoder block, as in Roy et al. (MICCAI 2018), figure 2."""


def attend(
    attention: Attention, place: Place, placement: Placement, spatial_dims: int, channels: int
) -> nn.Module:
    """Build the attention block of one place; the identity where ``placement`` does not name the place.

    Args:
        attention: What to build; see :func:`medse.attention.make_attention`.
        place: Which place it is.
        placement: All places that have attention.
        spatial_dims: 2 or 3.
        channels: Channels of the feature map.

    Raises:
        InputError: As :func:`medse.attention.make_attention`.
    """
    return make_attention(attention if place in placement else None, spatial_dims, channels)
