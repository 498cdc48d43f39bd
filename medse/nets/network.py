"""What every network has: its entry in the catalogue, and the inputs that it cannot take."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from medse.attention.papers import Paper
from medse.errors import InputError
from medse.layers.convolution import Norm
from medse.registry import check_options

AUTOCAST = frozenset({torch.float32, torch.bfloat16, torch.float16})
"""Types that autocast converts to the one it computes in."""
DERIVED = frozenset({"self", "spatial_dims", "in_channels", "out_channels"})
"""Parameters of a network that follow from the data."""


class Network(nn.Module):
    """A network, built as ``net(spatial_dims, in_channels, out_channels, **options)``.

    Attributes:
        title: Its name in words.
        papers: Where it was published, the original first.
        what: What it is.
        use: When to use it.
        task: ``segmentation``: from ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)``, and it has
            ``stride``, its total step along each axis; ``classification``: to ``(B, out_channels)``.
        norm: Its normalisation.
    """

    title: ClassVar[str]
    papers: ClassVar[tuple[Paper, ...]]
    what: ClassVar[str]
    use: ClassVar[str]
    task: ClassVar[Literal["segmentation", "classification"]]
    norm: Norm

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if hasattr(cls, "title"):  # what several networks share has none
            check_options(cls, DERIVED)

    def refuse_unfit(self, x: Tensor, coarsest: Sequence[int]) -> None:
        """Raise if ``x`` is of a type that the convolutions do not take, or too small.

        It is too small if the coarsest map would be one number per channel, of which the normalisation has no
        variance.

        Args:
            x: Input ``(B, C, *spatial)``.
            coarsest: Per axis, the most voxels of which the coarsest map has one.

        Raises:
            InputError: It is.
        """
        if not torch.compiler.is_compiling():
            own, device = next(self.parameters()).dtype, x.device.type
            casts = torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)
            taken = {own, *AUTOCAST} if casts else {own}
            if x.dtype not in taken:
                raise InputError(
                    f"The input is of {x.dtype}; {type(self).__name__} has weights of {own} and takes "
                    f"{' or '.join(sorted(map(str, taken)))}; convert the input or the network with .to({own})."
                )
        training_alone = self.norm == "batch" and self.training and x.shape[0] == 1
        alone = self.norm == "instance" or training_alone
        if alone and all(size <= most for size, most in zip(x.shape[2:], coarsest, strict=True)):
            needed = " or ".join(f"{most + 1} along axis {axis}" for axis, most in enumerate(coarsest))
            way = "norm 'group'" if self.norm == "instance" else "two or more images at once"
            raise InputError(
                f"An input of {' x '.join(map(str, x.shape[2:]))} voxels becomes a single one, which norm "
                f"{self.norm!r} cannot normalise; allowed are at least {needed}; give larger inputs or {way}."
            )


class Classifier(Network):
    """A network that classifies images; its feature maps can be looked at and learnt from.

    Attributes:
        map_channels: Channels of each of the :meth:`feature_maps`.
        last_map: Name of the module whose output the classifier averages.
    """

    task = "classification"
    map_channels: tuple[int, ...]
    last_map: str

    @abstractmethod
    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Return a map ``(B, map_channels[i], *spatial)`` per resolution, the finest first."""

    @abstractmethod
    def classify(self, last: Tensor) -> Tensor:
        """Return the logits ``(B, out_channels)`` of the last feature map."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits ``(B, out_channels)`` of images ``(B, in_channels, *spatial)``."""
        return self.classify(self.feature_maps(x)[-1])
