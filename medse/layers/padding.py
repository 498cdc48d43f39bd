"""Images whose size a network does not divide: padded before, cropped after."""

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F


def pad_to_multiple(x: Tensor, multiples: Sequence[int]) -> Tensor:
    """Pad the end of each spatial axis of ``(B, C, *spatial)`` with zeros to a multiple of its ``multiples``."""
    missing = [-size % multiple for size, multiple in zip(x.shape[2:], multiples, strict=True)]
    if not any(missing):
        return x
    return F.pad(x, [n for after in reversed(missing) for n in (0, after)])


def crop_to(x: Tensor, spatial: Sequence[int]) -> Tensor:
    """Undo :func:`pad_to_multiple`: keep the first ``spatial`` voxels of each axis."""
    for axis, size in enumerate(spatial, start=2):
        x = x.narrow(axis, 0, size)
    return x
