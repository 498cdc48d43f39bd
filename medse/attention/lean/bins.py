"""Means on grids laid over a feature map; see :class:`medse.attention.lean.squeeze.Pool`."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from medse.attention.lean.mode import lean, statistics_dtype


class Bins:
    """Adaptive average pooling to grids of one or more sizes: ``(B, C, bins of all grids)``.

    Tracers get one matrix per axis, because adaptive pooling of volumes cannot be exported to ONNX.

    Args:
        counts: Bins per axis of each grid.
    """

    def __init__(self, counts: Sequence[int]) -> None:
        self.counts = counts

    def __call__(self, x: Tensor) -> Tensor:
        x = x.to(statistics_dtype(x))
        return torch.cat([self._pool(x, count).flatten(2) for count in self.counts], dim=2)

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        spatial = gradient.shape[2:]
        along = torch.cat([pooling_matrix(spatial[-1], count, numbers) for count in self.counts], dim=1)
        rows = []
        for grid, count in zip(self.split(numbers, len(spatial)), self.counts, strict=True):
            for axis, length in enumerate(spatial[:-1], start=2):
                grid = contract(grid, pooling_matrix(length, count, numbers).T, axis)
            rows.append(grid)
        gradient += (torch.cat(rows, dim=-1) @ along.T).to(gradient.dtype)

    def split(self, numbers: Tensor, dims: int) -> list[Tensor]:
        """Cut ``(B, C, bins of all grids)`` into ``(B, C, count, count, ...)``."""
        grids = torch.split(numbers, [count**dims for count in self.counts], dim=2)
        return [
            grid.reshape(*grid.shape[:2], *(count,) * dims)
            for grid, count in zip(grids, self.counts, strict=True)
        ]

    def _pool(self, x: Tensor, count: int) -> Tensor:
        # The authors' operations, to the last bit: batch normalisation of few samples magnifies any rounding.
        if lean() and len(self.counts) == 1 and all(length % count == 0 for length in x.shape[2:]):
            return (F.avg_pool2d if x.ndim == 4 else F.avg_pool3d)(x, [n // count for n in x.shape[2:]])
        if lean():
            return (F.adaptive_avg_pool2d if x.ndim == 4 else F.adaptive_avg_pool3d)(x, count)
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
