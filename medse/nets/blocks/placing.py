"""Where attention stands in an encoder-decoder."""

from typing import Annotated, Literal, get_args

from pydantic import Field
from torch import nn

from medse.attention import Attention, make_attention
from medse.errors import InputError

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
        InputError: There is no such place, or as :func:`medse.attention.make_attention`.
    """
    unknown = [repr(name) for name in placement if name not in get_args(Place)]
    if unknown or not isinstance(placement, tuple | list):
        raise InputError(
            f"placement is {placement!r}; allowed is a sequence of {', '.join(get_args(Place))}; correct it."
        )
    return make_attention(attention if place in placement else None, spatial_dims, channels)
