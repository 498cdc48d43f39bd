"""Inputs that are too small for a network's normalisation."""

from collections.abc import Sequence

from torch import Tensor

from medse.errors import InputError
from medse.layers.convolution import Norm


def refuse_one_voxel(x: Tensor, coarsest: Sequence[int], norm: Norm, *, training: bool) -> None:
    """Raise if the coarsest map would be one number per channel, of which the normalisation has no variance.

    Args:
        x: Input ``(B, C, *spatial)``.
        coarsest: Per axis, the most voxels of which the coarsest map has one.
        norm: Normalisation of the network.
        training: Whether the network trains; batch normalisation needs no variance otherwise.

    Raises:
        InputError: It would.
    """
    alone = norm == "instance" or (norm == "batch" and training and x.shape[0] == 1)
    if alone and all(size <= most for size, most in zip(x.shape[2:], coarsest, strict=True)):
        needed = " or ".join(f"{most + 1} along axis {axis}" for axis, most in enumerate(coarsest))
        way = "norm 'group'" if norm == "instance" else "two or more images at once"
        raise InputError(
            f"An input of {' x '.join(map(str, x.shape[2:]))} voxels becomes a single one, which norm {norm!r} "
            f"cannot normalise; allowed are at least {needed}; give larger inputs or {way}."
        )
