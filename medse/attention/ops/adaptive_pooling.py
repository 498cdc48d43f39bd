"""Means on grids laid over a feature map; see :class:`medse.attention.ops.squeeze.Pool`."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from medse.attention.ops.eager import lean, statistics_dtype
from medse.attention.ops.tiles import ALL, Slab, laid_out_like, slabs


class Bins:
    """Adaptive average pooling to grids of one or more sizes: ``(B, C, bins of all grids)``.

    Tracers get one matrix per axis, because adaptive pooling of volumes cannot be exported to ONNX.

    Args:
        counts: Bins per axis of each grid.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self.counts = counts

    def __call__(self, x: Tensor) -> Tensor:
        exact = statistics_dtype(x)
        if not lean():
            return torch.cat([_by_matrices(x.to(exact), count).flatten(2) for count in self.counts], dim=2)
        bins = sum(count ** (x.ndim - 2) for count in self.counts)
        numbers = torch.empty(*x.shape[:2], bins, dtype=exact, device=x.device)
        whole = [Slab(ALL, ALL, ALL)] if x.dtype == exact else slabs(x, whole_planes=True)
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
            grid = grid.repeat_interleave(
                spatial[-1] // count, row
            )  # to voxels, so that what is added to is long
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


def _by_matrices(x: Tensor, count: int) -> Tensor:
    for axis in reversed(range(2, x.ndim)):
        x = contract(x, pooling_matrix(x.shape[axis], count, x), axis)
    return x


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
