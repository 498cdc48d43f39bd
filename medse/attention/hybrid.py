"""Several attention blocks on one feature map."""

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from medse.attention.block import AttentionBlock
from medse.attention.mechanisms import DERIVED, MECHANISMS, make_mechanism
from medse.errors import InputError
from medse.registry import one_of

if TYPE_CHECKING:
    Mechanism = str | Mapping[str, Any]
else:
    Mechanism = one_of(MECHANISMS, DERIVED)


class HybridAttention(AttentionBlock):
    """Two or more mechanisms, one after the other or side by side.

    Side by side, each sees the input; ``max`` takes the largest of their results at every voxel, ``add`` the sum.
    Which mechanisms go together well is an open question; the surveys suggest ``[eca, coord]``.

    Args:
        spatial_dims: 2 or 3.
        channels: C.
        blocks: Names, or mappings of a name and options, of single mechanisms.
        combine: ``sequence``, in the order given; or ``max`` or ``add``, side by side.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: Fewer than two blocks, or one that does not fit ``channels``.
    """

    def __init__(
        self,
        spatial_dims: int,
        channels: int,
        *,
        blocks: Annotated[tuple[Mechanism, ...], Field(min_length=2)] = ("eca", "coord"),
        combine: Literal["sequence", "max", "add"] = "sequence",
    ) -> None:
        super().__init__(spatial_dims, channels)
        if len(blocks) < 2:
            raise InputError(
                f"blocks is {list(blocks)}; a hybrid needs at least two mechanisms; give two or more of "
                f"{', '.join(MECHANISMS)}."
            )
        self.blocks = nn.ModuleList(make_mechanism(block, spatial_dims, channels) for block in blocks)
        self.combine = combine

    def recalibrate(self, x: Tensor) -> Tensor:
        if self.combine == "sequence":
            for block in self.blocks:
                x = block(x)
            return x
        results: list[Tensor] = [block(x) for block in self.blocks]
        return reduce(torch.maximum if self.combine == "max" else torch.add, results)
