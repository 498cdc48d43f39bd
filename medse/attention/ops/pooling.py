"""Linear poolings, each with its transposed map; see :class:`medse.attention.ops.squeeze.Pool`."""

from collections.abc import Sequence

import torch
from torch import Tensor

from medse.attention.ops.eager import statistics_dtype
from medse.attention.ops.tiles import laid_out_like


class Mean:
    """Mean over all spatial axes: ``(B, C)``."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.mean(tuple(range(2, x.ndim)), dtype=statistics_dtype(x))

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        each = numbers * (numbers.numel() / gradient.numel())
        gradient += each.to(gradient.dtype).reshape(*each.shape, *(1,) * (gradient.ndim - 2))


class Profiles:
    """Means over all spatial axes but one, for each axis, one after the other: ``(B, C, sum of lengths)``."""

    def __call__(self, x: Tensor) -> Tensor:
        axes = range(2, x.ndim)
        dtype = statistics_dtype(x)
        return torch.cat([x.mean([a for a in axes if a != kept], dtype=dtype) for kept in axes], dim=2)

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        for profile in split_profiles(numbers, gradient.shape[2:]):
            each = (profile * (profile.numel() / gradient.numel())).to(gradient.dtype)
            gradient += laid_out_like(gradient, each)


def split_profiles(profiles: Tensor, spatial: Sequence[int]) -> list[Tensor]:
    """Cut ``(B, C, sum of lengths)`` into one tensor per axis that broadcasts against ``(B, C, *spatial)``."""
    parts = torch.split(profiles, list(spatial), dim=2)
    return [
        part.reshape(*part.shape[:2], *(length if other == axis else 1 for other in range(len(spatial))))
        for axis, (part, length) in enumerate(zip(parts, spatial, strict=True))
    ]
