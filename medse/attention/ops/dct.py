"""Sums weighted by products of one vector per axis; see :class:`medse.attention.ops.squeeze.Pool`."""

import torch
from torch import Tensor

from medse.attention.ops.adaptive_pooling import contract
from medse.attention.ops.eager import lean, statistics_dtype
from medse.attention.ops.tiles import Scratch, slabs


class Spectrum:
    """All sums whose weights are products of rows, the same for every channel: ``(B, C, n, n, ...)``.

    Args:
        rows: A tensor ``(n, length)`` per spatial axis.
    """

    def __init__(self, rows: list[Tensor]) -> None:
        self.rows = rows

    def __call__(self, x: Tensor) -> Tensor:
        x = x.to(statistics_dtype(x))
        for axis in reversed(range(2, x.ndim)):
            x = contract(x, self.rows[axis - 2].T, axis)
        return x

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        for axis in range(2, gradient.ndim):
            numbers = contract(numbers, self.rows[axis - 2].to(numbers.dtype), axis)
        gradient += numbers.to(gradient.dtype)


class Cosines:
    """Sum of each channel's voxels times its own weights: ``(B, C)``.

    Args:
        vectors: A tensor ``(C, length)`` per spatial axis; the weight of a voxel is their product.
    """

    def __init__(self, vectors: list[Tensor]) -> None:
        self.vectors = vectors

    def __call__(self, x: Tensor) -> Tensor:
        if not lean():
            return _sum(x.to(statistics_dtype(x)), self.vectors)
        total = torch.zeros(x.shape[:2], dtype=statistics_dtype(x), device=x.device)
        scratch = Scratch()
        for slab in slabs(x):
            part, vectors = slab.of(x), [self.vectors[0][:, slab.along], *self.vectors[1:]]
            if x.is_contiguous():
                total[slab.batch] += _sum(scratch.load(part).to(total.dtype), vectors)
            else:
                first, *others = _broadcast(vectors, x)
                product = part * first
                for vector in others:
                    product *= vector
                total[slab.batch] += product.sum(tuple(range(2, x.ndim)))
        return total

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        weights = _laid_out(numbers.reshape(*numbers.shape, *(1,) * (gradient.ndim - 2)), gradient)
        *others, last = _broadcast(self.vectors, gradient)
        for vector in others:
            weights = weights * vector
        gradient.addcmul_(weights.to(gradient.dtype), last.to(gradient.dtype))


def _sum(x: Tensor, vectors: list[Tensor]) -> Tensor:
    """Sum ``(B, C, *spatial)`` over its spatial axes, the first one first."""
    for vector in vectors:
        rows = x.unsqueeze(-1).flatten(3)  # (B, C, length, everything behind)
        x = (vector.unsqueeze(1) @ rows).reshape(*x.shape[:2], *x.shape[3:])
    return x


def _broadcast(vectors: list[Tensor], x: Tensor) -> list[Tensor]:
    """Give the vectors the axes of ``x``: ``(1, C, length, 1, ...)``, ``(1, C, 1, length, ...)``, ..."""
    behind = range(x.ndim - 3, -1, -1)
    return [
        _laid_out(vector.reshape(1, len(vector), *(1,) * (x.ndim - 3 - n), -1, *(1,) * n), x)
        for n, vector in zip(behind, vectors, strict=True)
    ]


def _laid_out(small: Tensor, x: Tensor) -> Tensor:
    """Order a small tensor in memory as ``x``: products of tensors ordered differently are slow."""
    if x.is_contiguous():
        return small
    return small.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
