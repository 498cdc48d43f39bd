"""A residual block, and where attention stands in it."""

from typing import Literal

from torch import Tensor, nn

from medse.attention import Attention, make_attention

ResidualPlacement = Literal["standard", "pre", "post", "identity", "head"]
"""``standard``: end of the branch, before the sum; ``pre``: before the branch; ``post``: after the sum and its
activation; ``identity``: on the shortcut, after its projection if it has one; ``head``: not in the blocks, but once
for the whole network, on the map that is averaged for the classifier."""


class Residual(nn.Module):
    """``act(branch(x) + shortcut(x))`` with one attention block.

    Args:
        branch: From ``in_channels`` to ``channels``.
        shortcut: The same, to the same size.
        act: What follows the sum.
        attention: Block at the place; see :func:`medse.attention.make_attention`.
        placement: The place.
        spatial_dims: 2 or 3.
        in_channels: Channels of the input.
        channels: Channels of the output.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, channels, *spatial / stride of the branch)``.

    Raises:
        InputError: As :func:`medse.attention.make_attention`.

    Reference:
        Hu et al., Squeeze-and-Excitation Networks (TPAMI 2020), section 6.4 and figure 5.
    """

    def __init__(
        self,
        branch: nn.Module,
        shortcut: nn.Module,
        act: nn.Module,
        *,
        attention: Attention,
        placement: ResidualPlacement,
        spatial_dims: int,
        in_channels: int,
        channels: int,
    ) -> None:
        super().__init__()

        def at(place: ResidualPlacement, width: int) -> nn.Module:
            return make_attention(attention if place == placement else None, spatial_dims, width)

        self.pre = at("pre", in_channels)
        self.branch = branch
        self.standard = at("standard", channels)
        self.shortcut = shortcut
        self.identity = at("identity", channels)
        self.act = act
        self.post = at("post", channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return the recalibrated sum (see Shape)."""
        y = self.standard(self.branch(self.pre(x))) + self.identity(self.shortcut(x))
        out: Tensor = self.post(self.act(y))
        return out
