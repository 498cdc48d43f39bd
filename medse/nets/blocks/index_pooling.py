"""Maximum pooling that remembers where each maximum was, and unpooling to those places."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def max_pool(x: Tensor, size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Take the maximum of each window of ``size``; windows do not overlap, and a remainder at the end is left out.

    Args:
        x: ``(B, C, *spatial)``, 2-D or 3-D.
        size: Length of the windows along each axis, and their step.

    Returns:
        The maxima ``(B, C, *(spatial // size))``, and in the same shape where each was: the index, an int64, of its
        voxel in its flattened channel.
    """
    pool = F.max_pool2d if x.ndim == 4 else F.max_pool3d
    maxima, indices = pool(x, size, size, return_indices=True)
    return maxima, indices


def max_unpool(x: Tensor, indices: Tensor, spatial: Sequence[int]) -> Tensor:
    """Put each value where the maximum of its window was, and zeros elsewhere.

    Args:
        x: ``(B, C, *pooled)``.
        indices: Of the maxima, in the shape of ``x``, as :func:`max_pool` returns them.
        spatial: Size of the map that was pooled.

    Returns:
        ``(B, C, *spatial)`` in the type of ``x``.
    """
    zeros = x.new_zeros(*x.shape[:2], math.prod(spatial))
    return zeros.scatter(2, indices.flatten(2), x.flatten(2)).reshape(*x.shape[:2], *spatial)


class PoolingEncoder(nn.Module):
    """Layers, and maximum pooling after them.

    Args:
        layers: Applied one after another.
        size: Length of the windows along each axis.

    Shape:
        ``(B, C, *spatial)`` to the pooled map ``(B, C', *(spatial // size))``, the map before pooling
        ``(B, C', *spatial)``, and the indices of the maxima.
    """

    def __init__(self, *layers: nn.Module, size: tuple[int, ...]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.size = size

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pooled map, the map before pooling and the indices."""
        full: Tensor = self.layers(x)
        pooled, indices = max_pool(full, self.size)
        return pooled, full, indices


class UnpoolingDecoder(nn.Module):
    """Unpooling to the places of the maxima, concatenation after the skipped map, and layers.

    Args:
        layers: Applied one after another.

    Shape:
        ``(B, C, *pooled)``, the skipped map ``(B, C, *spatial)`` and the indices ``(B, C, *pooled)`` of its maxima to
        ``(B, C', *spatial)``.
    """

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor, skipped: Tensor, indices: Tensor) -> Tensor:
        """Return ``(B, C', *spatial)``."""
        unpooled = max_unpool(x, indices, skipped.shape[2:])
        y: Tensor = self.layers(torch.cat((skipped, unpooled), dim=1))
        return y
