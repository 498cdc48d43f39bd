"""Linear maps of each channel's voxels to a few numbers, each with its transposed map.

:func:`medse.attention.ops.squeeze.squeeze` takes one. Below them stand the plain operations that some share with the
formulas of the blocks.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from medse.attention.ops.tiles import ALL, Scratch, Slab, laid_out_like, slabs, statistics_dtype


class Pool(Protocol):
    """A linear map of each channel's voxels to a few numbers."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the numbers of ``(B, C, *spatial)`` as ``(B, C, ...)``, in float32 or better."""

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        """Add the transposed map of ``numbers`` to ``gradient``, ``(B, C, *spatial)``, in place."""


class Mean:
    """Mean over all spatial axes: ``(B, C)``."""

    def __call__(self, x: Tensor) -> Tensor:
        return x.mean(tuple(range(2, x.ndim)), dtype=statistics_dtype(x))

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        each = numbers / math.prod(gradient.shape[2:])
        gradient += each.to(gradient.dtype).reshape(*each.shape, *(1,) * (gradient.ndim - 2))


class Profiles:
    """The profiles of :func:`profiles`."""

    def __call__(self, x: Tensor) -> Tensor:
        return profiles(x)

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        for profile in split_profiles(numbers, gradient.shape[2:]):
            each = profile * (math.prod(profile.shape[2:]) / math.prod(gradient.shape[2:]))
            gradient += laid_out_like(gradient, each.to(gradient.dtype))


class Bins:
    """Adaptive average pooling to grids of one or more sizes: ``(B, C, bins of all grids)``.

    Args:
        counts: Bins per axis of each grid.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self.counts = counts

    def __call__(self, x: Tensor) -> Tensor:
        exact = statistics_dtype(x)
        bins = sum(count ** (x.ndim - 2) for count in self.counts)
        numbers = torch.empty(*x.shape[:2], bins, dtype=exact, device=x.device)
        whole = [Slab(ALL, ALL, ALL)] if x.dtype == exact else slabs(x, exact, whole_planes=True)
        for slab in whole:
            part = slab.of(x).to(exact)
            torch.cat([self._pool(part, n).flatten(2) for n in self.counts], dim=2, out=slab.of(numbers))
        return numbers

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        spatial, finest = gradient.shape[2:], max(self.counts)
        grids = self.split(numbers, len(spatial))
        if any(finest % count for count in self.counts) or any(length % finest for length in spatial):
            self._spread_by_matrices(grids, gradient)
            return
        *lines, row = range(2, gradient.ndim)
        same = []
        for grid, count in zip(grids, self.counts, strict=True):
            for axis in lines:
                grid = grid.repeat_interleave(finest // count, axis)
            grid = grid.repeat_interleave(spatial[-1] // count, row)  # to voxels: what is added to is long
            same.append(grid * (count ** len(spatial) / spatial.numel()))
        total = laid_out_like(gradient, torch.stack(same).sum(0).to(gradient.dtype))
        blocks = gradient
        for axis in reversed(lines):  # (B, C, bins, voxels of a bin, bins, voxels of a bin, ..., voxels)
            blocks = blocks.unflatten(axis, (finest, -1))  # type: ignore[no-untyped-call]
            total = total.unsqueeze(axis + 1)
        blocks += total

    def split(self, numbers: Tensor, dims: int) -> list[Tensor]:
        """Cut ``(B, C, bins of all grids)`` into ``(B, C, count, count, ...)``."""
        grids = torch.split(numbers, [count**dims for count in self.counts], dim=2)
        return [
            grid.reshape(*grid.shape[:2], *(count,) * dims)
            for grid, count in zip(grids, self.counts, strict=True)
        ]

    def _pool(self, x: Tensor, count: int) -> Tensor:
        """Pool by the authors' operations, to the last bit: normalisation of few samples magnifies any rounding."""
        if len(self.counts) == 1 and all(length % count == 0 for length in x.shape[2:]):
            return (F.avg_pool2d if x.ndim == 4 else F.avg_pool3d)(x, [n // count for n in x.shape[2:]])
        return (F.adaptive_avg_pool2d if x.ndim == 4 else F.adaptive_avg_pool3d)(x, count)

    def _spread_by_matrices(self, grids: list[Tensor], gradient: Tensor) -> None:
        *lines, row = gradient.shape[2:]
        rows = []
        for grid, count in zip(grids, self.counts, strict=True):
            for axis, length in enumerate(lines, start=2):
                grid = contract(grid, pooling_matrix(length, count, grid).T, axis)
            rows.append(grid)
        along = torch.cat([pooling_matrix(row, count, rows[0]) for count in self.counts], dim=1)
        gradient += (torch.cat(rows, dim=-1) @ along.T).to(gradient.dtype)


class Spectrum:
    """All sums whose weights are products of rows, the same for every channel: ``(B, C, n, n, ...)``.

    Args:
        rows: A tensor ``(n, length)`` per spatial axis.
    """

    def __init__(self, rows: list[Tensor]) -> None:
        self.rows = rows

    def __call__(self, x: Tensor) -> Tensor:
        return spectrum(x.to(statistics_dtype(x)), self.rows)

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
        total = torch.zeros(x.shape[:2], dtype=statistics_dtype(x), device=x.device)
        scratch = Scratch(total.dtype)
        for slab in slabs(x, total.dtype):
            part, vectors = slab.of(x), [self.vectors[0][:, slab.along], *self.vectors[1:]]
            if x.is_contiguous():
                total[slab.batch] += weighted_sum(scratch.load(part).to(total.dtype), vectors)
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


def profiles(x: Tensor) -> Tensor:
    """Return the means over all spatial axes but one, for each axis, end to end: ``(B, C, sum of lengths)``."""
    axes, dtype = range(2, x.ndim), statistics_dtype(x)
    return torch.cat([x.mean([a for a in axes if a != kept], dtype=dtype) for kept in axes], dim=2)


def split_profiles(profiles: Tensor, spatial: Sequence[int]) -> list[Tensor]:
    """Cut ``(B, C, sum of lengths)`` into one tensor per axis that broadcasts against ``(B, C, *spatial)``."""
    parts = torch.split(profiles, list(spatial), dim=2)
    return [
        part.reshape(*part.shape[:2], *(length if other == axis else 1 for other in range(len(spatial))))
        for axis, (part, length) in enumerate(zip(parts, spatial, strict=True))
    ]


def pooling_matrix(length: int, count: int, like: Tensor) -> Tensor:
    """Return ``(length, count)``: column i averages voxels ``floor(i L / n)`` to ``ceil((i + 1) L / n) - 1``.

    These are the bins of adaptive average pooling. The type and device are those of ``like``.
    """
    voxel = torch.arange(length, device=like.device)[:, None]
    bins = torch.arange(count, device=like.device)[None]
    start, stop = bins * length // count, ((bins + 1) * length + count - 1) // count
    return ((voxel >= start) & (voxel < stop)).to(like.dtype) / (stop - start).to(like.dtype)


def contract(x: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """Replace an axis of length ``l`` by its product with ``(l, n)``."""
    last = x.ndim - 1  # ONNX's older exporter does not take -1
    return (x.movedim(axis, last) @ matrix).movedim(last, axis)


def spectrum(x: Tensor, rows: list[Tensor]) -> Tensor:
    """Contract each spatial axis of ``(B, C, *spatial)`` with its ``(n, length)``: ``(B, C, n, n, ...)``."""
    for axis in reversed(range(2, x.ndim)):
        x = contract(x, rows[axis - 2].T, axis)
    return x


def weighted_sum(x: Tensor, vectors: list[Tensor]) -> Tensor:
    """Sum voxels times the product of one ``(C, length)`` per axis: ``(B, C, *spatial)`` to ``(B, C)``."""
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
