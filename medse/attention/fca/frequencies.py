"""Which frequencies of the discrete cosine transform a block looks at, and what they are on an axis."""

from functools import lru_cache
from itertools import product
from typing import Literal

import torch
from torch import Tensor

from medse.attention.ops import tracing
from medse.attention.ops.pools import pooling_matrix
from medse.attention.ops.tiles import statistics_dtype
from medse.errors import InputError
from medse.registry import pick

GRID = 7
"""Indices along each axis. The authors ranked the 7 x 7 components of their coarsest feature map."""

Index = tuple[int, ...]
"""One component: its index along each spatial axis, each 0 to 6."""

Ranked = Literal["low", "top", "bot"]


def _pairs(along_first: str, along_second: str) -> list[Index]:
    return [(int(u), int(v)) for u, v in zip(along_first, along_second, strict=True)]


RANKINGS: dict[str, list[Index]] = {
    "low": _pairs("00110221203401301234501234561234", "01012012230043154321065432106543"),
    "top": _pairs("00600114513000324635526553342261", "01052020060463526333511242113053"),
    "bot": _pairs("61332412445146256162243355625536", "64466314456522514350311242115333"),
}
"""The authors' tables for 2-D: lowest frequencies first, and best and worst first by ImageNet accuracy."""


def ranked(selection: Ranked, components: int, spatial_dims: int) -> list[Index]:
    """Return the first components of a ranking.

    In 3-D ``low`` orders the products of three cosines by the sum of their indices, then lexicographically.

    Raises:
        InputError: The ranking has no such name, or exists in 2-D only.
    """
    ranking = pick(RANKINGS, selection, "selection of frequencies")
    if spatial_dims == 3:
        if selection != "low":
            raise InputError(
                f"selection {selection!r} does not exist in 3-D: the authors ranked 2-D components on photographs, "
                "and nobody ranked 3-D ones; allowed are low and nas; choose low, or nas to learn a selection."
            )
        ranking = sorted(product(range(GRID), repeat=3), key=lambda index: (sum(index), index))
    return ranking[:components]


def bases(indices: list[Index], rows: int, x: Tensor, size: tuple[int, ...] | None) -> list[Tensor]:
    """Return for each spatial axis of ``x`` the cosines that weigh its voxels.

    In eager mode they are computed once per shape, type and device.

    Args:
        indices: Components.
        rows: How many rows there are; the components are dealt to them in groups of neighbours, as equal as
            possible.
        x: Features ``(B, C, *spatial)``.
        size: Grid to which features are averaged first, as by adaptive average pooling; None for their own.

    Returns:
        A tensor ``(rows, length)`` per axis, in float32 or better.
    """
    spatial = x.shape[2:]
    of_axis = zip(zip(*indices, strict=True), spatial, size or (None,) * len(spatial), strict=True)
    plain = tracing.eager() and type(x) is Tensor  # a tensor of another type may have no values
    make = _kept if plain else _basis
    return [make(along, rows, length, grid, statistics_dtype(x), x.device) for along, length, grid in of_axis]


def _basis(
    indices: Index, rows: int, length: int, grid: int | None, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return ``(rows, length)``: orthonormal DCT-II vectors, read through adaptive pooling if ``grid`` is given.

    Lengths stay tensors, so that a traced graph holds for all of them.
    """
    dealt = [indices[row * len(indices) // rows] for row in range(rows)]
    at = torch.arange(length if grid is None else grid, device=device)
    count = at[-1:] + 1
    index = _on_axis(torch.tensor(dealt, device=device).unsqueeze(1), count)
    quarters = index * (2 * at + 1) % (4 * count)  # exact, so that long axes lose no precision
    norm = ((1 + index.clamp(max=1)).to(dtype) / count).sqrt()
    basis = torch.cos(quarters.to(dtype) / count * (torch.pi / 2)) * norm
    if grid is None:
        return basis
    return basis @ pooling_matrix(length, grid, basis).T


def _on_axis(index: Tensor, count: Tensor) -> Tensor:
    """Return the frequency that an index 0..6 stands for on an axis of ``count`` voxels.

    From 7 voxels on it is ``index * (count // 7)``, as in the authors' code. That is 0 on shorter axes; there
    the indices spread over what the axis has, ``ceil(index * (count - 1) / 6)``, and only 0 becomes 0.
    """
    within = (index * (count.clamp(max=GRID) - 1) + GRID - 2) // (GRID - 1)
    return within * (count // GRID).clamp(min=1)


@lru_cache(maxsize=256)
def _kept(
    indices: Index, rows: int, length: int, grid: int | None, dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return :func:`_basis`, computed once, in double precision."""
    return _basis(indices, rows, length, grid, torch.float64, torch.device("cpu")).to(device, dtype)
