"""Parts of a feature map that fit into a processor's cache, memory to work on them, and the types to do so in."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

SLAB = 2**19
"""Voxels times channels of a part on a CPU; half a million float32 are 2 MiB, about a level-2 cache."""
COPY = 2**23
"""Voxels times channels of a part elsewhere, where half precision is copied to float32: 32 MiB for each copy."""

ALL = slice(None)


class Slab(NamedTuple):
    """Some samples, and of a large sample some channels or some slices along the first spatial axis."""

    batch: slice
    channels: slice
    along: slice

    def of(self, tensor: Tensor) -> Tensor:
        """Return this part of ``(B, C, *spatial)``; an axis of length one is shared by all parts."""
        part = tensor if self.batch is ALL else tensor[self.batch]
        if self.channels is not ALL and part.shape[1] > 1:
            part = part[:, self.channels]
        return part if self.along is ALL or part.shape[2] == 1 else part[:, :, self.along]


def slabs(x: Tensor, dtype: torch.dtype, *, whole_planes: bool = False, share: int = 8) -> Iterator[Slab]:
    """Cut ``(B, C, *spatial)`` into parts, so that what is computed from one is still in the cache.

    Anything but a CPU gets one part, or few large ones where ``x`` is copied to another type: there, starting an
    operation costs more than memory.

    Args:
        x: The feature map.
        dtype: The type that parts are computed in.
        whole_planes: Whether a part must hold all voxels of its channels; it may then hold few channels. Else it
            holds all channels of its voxels.
        share: Half precision is copied to float32 part by part; a part of a large ``x`` is then 1 / ``share`` of it.
    """
    samples = x.shape[0]
    size = max(1, x.numel() // max(1, samples))
    if on_cpu(x):
        limit = SLAB if x.dtype == dtype else min(SLAB, max(SLAB // 4, samples * size // share))
    else:
        limit = samples * size if x.dtype == dtype else COPY
    if samples * size <= limit:
        yield Slab(ALL, ALL, ALL)
    elif size <= limit:
        count = limit // size
        for start in range(0, samples, count):
            yield Slab(slice(start, start + count), ALL, ALL)
    else:
        length = x.shape[1 if whole_planes else 2]
        if whole_planes and x.stride(1) == 1:
            size = limit  # channels-last: a few channels would be scattered over the memory
        count = max(1, length * limit // size)
        for sample in range(samples):
            one = slice(sample, sample + 1)
            for start in range(0, length, count):
                few = slice(start, start + count)
                yield Slab(one, few, ALL) if whole_planes else Slab(one, ALL, few)


class Scratch:
    """Memory for one intermediate result, used again for every slab: fresh memory costs more than arithmetic.

    Args:
        dtype: The type to compute in.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.memory: Tensor | None = None

    def like(self, part: Tensor) -> Tensor:
        """Return a tensor of the shape and layout of ``part`` and of the type to compute in, with any content."""
        if self.memory is None or self.memory.shape != part.shape:
            self.memory = torch.empty_like(part, dtype=self.dtype)
        return self.memory

    def load(self, part: Tensor) -> Tensor:
        """Return ``part`` in the type to compute in: itself where it has it."""
        return part if part.dtype == self.dtype else self.like(part).copy_(part)

    def draft(self, out: Tensor) -> Tensor:
        """Return where to compute ``out``: itself where it has the type to compute in; see :func:`finish`."""
        return out if out.dtype == self.dtype else self.like(out)


def statistics_dtype(x: Tensor) -> torch.dtype:
    """Return the type of means, gates and their gradients for features ``x``: at least float32."""
    return torch.promote_types(x.dtype, torch.float32)


def working_dtype(x: Tensor) -> torch.dtype:
    """Return the type of scores per voxel and of products with the features ``x``.

    On a CPU that is float32 also for half precision, whose arithmetic is no faster there. Elsewhere it is that
    of ``x``.
    """
    return statistics_dtype(x) if on_cpu(x) else x.dtype


def on_cpu(x: Tensor) -> bool:
    """Return whether ``x`` lies where caches are small and operations start at once."""
    return x.device.type == "cpu"


def finish(out: Tensor, draft: Tensor) -> None:
    """Write to ``out`` what was computed in its draft."""
    if draft is not out:
        out.copy_(draft)


def add_part(total: Tensor, slab: Slab, part: Tensor) -> None:
    """Add what a slab contributes to a gate's gradient: ``part``, summed over the axes that the gate shares."""
    target = slab.of(total)
    shared = [
        axis for axis, (few, many) in enumerate(zip(target.shape, part.shape, strict=True)) if few < many
    ]
    target += part.sum(shared, keepdim=True, dtype=total.dtype) if shared else part


def laid_out_like(x: Tensor, small: Tensor) -> Tensor:
    """Return ``small`` with its channels last in memory where those of ``x`` are: only so do products run fast."""
    return small.movedim(1, -1).contiguous().movedim(-1, 1) if x.stride(1) == 1 else small
