"""Moving images and labels together: rotation, scaling, mirror and elastic deformation in one resampling."""

import math
from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

FOLD_FREE = 1 / 2.48
"""Largest control displacement, in control spacings, that surely folds nothing (Choi and Lee 2000, 3-D)."""


def affine_matrices(angles: Tensor, factors: Tensor, spacing_mm: Sequence[float]) -> Tensor:
    """Return matrices that scale along the axes, then rotate in each plane in turn, in mm.

    They act on offsets in voxels, ``M = S^-1 R F S`` with ``S`` the spacing: where voxels are no cubes, a rotation
    of tissue is none of indices.

    Args:
        angles: Radians, one per pair of axes: ``(B, 1)`` in 2-D, ``(B, 3)`` in 3-D.
        factors: Factor per axis, ``(B, D)``; a negative one mirrors.
        spacing_mm: One per axis.

    Shape:
        ``(B, D, D)``. Angle 0 and factor 1 give the identity exactly.
    """
    size = factors.shape[1]
    matrix = torch.diag_embed(factors)
    for angle, (i, j) in zip(angles.T, combinations(range(size), 2), strict=True):
        turn = torch.eye(size).to(factors).repeat(len(factors), 1, 1)
        turn[:, i, i] = turn[:, j, j] = angle.cos()
        turn[:, i, j], turn[:, j, i] = -angle.sin(), angle.sin()
        matrix = turn @ matrix
    mm = torch.tensor(spacing_mm).to(factors)
    return matrix * (mm / mm[:, None])


def control_shape(shape: Sequence[int], spacing: Sequence[float]) -> tuple[int, ...]:
    """Number of spline control points, ``spacing`` voxels apart, per axis for a patch of ``shape`` voxels."""
    return tuple(math.ceil((n - 1) / step) + 3 for n, step in zip(shape, spacing, strict=True))


def reach(matrix: Tensor, control: Tensor, shape: Sequence[int]) -> Tensor:
    """How far from a patch's centre :func:`warp` looks along each axis, in voxels, at most: ``(B, D)``.

    Along axis ``i`` it is the sum over ``j`` of ``|M_ij| ((n_j - 1) / 2 + max |u_j|)``; a spline exceeds none of its
    control displacements. Identity parameters give ``(n - 1) / 2`` exactly.

    Args:
        matrix: ``(B, D, D)``.
        control: ``(B, D, *K)``, in voxels.
        shape: Of the patch.
    """
    half = (torch.tensor(shape, device=matrix.device) - 1) / 2
    return torch.einsum("bij,bj->bi", matrix.abs(), half + control.flatten(2).abs().amax(dim=2))


def warp(
    images: Sequence[Tensor],
    labels: Sequence[Tensor],
    shift: Tensor,
    shape: Sequence[int],
    matrix: Tensor,
    control: Tensor,
    control_spacing: Sequence[float],
) -> tuple[Tensor, Tensor]:
    """Cut patches out of pieces of scans, moving images (linear) and labels (nearest) by the same grid.

    The patch at voxel ``p`` is the piece at ``c + matrix (p + u(p) - c)``, with ``c`` the patch's centre and ``u``
    the cubic B-spline of the control displacements, all in voxels. Outside the piece images are 0 (the mean of a
    z-scored volume, the background of a skull-stripped one, and what patches are padded with anyway) and labels
    background: a piece therefore holds all within :func:`reach`, unless the scan ends there. Items with identity
    parameters are pieces of ``shape`` and stay as they are, bit for bit.

    Args:
        images: B pieces ``(C, *N)`` float32, which may differ in size.
        labels: B pieces ``(1, *N)`` of integers below 2**24.
        shift: ``(B, D)``, from the middle of the piece to ``c``.
        shape: Of the patches.
        matrix: ``(B, D, D)`` from output to input offsets; see :func:`affine_matrices`.
        control: ``(B, D, *control_shape(shape, control_spacing))``, displacements in voxels.
        control_spacing: Voxels between control points, for each axis.

    Returns:
        ``(B, C, *shape)`` and ``(B, 1, *shape)``.
    """
    identity = torch.eye(matrix.shape[1], device=matrix.device)
    moved = (matrix != identity).flatten(1).any(dim=1) | (control != 0).flatten(1).any(dim=1)
    patches, patch_labels = list(images), list(labels)
    if not moved.any():
        return torch.stack(patches), torch.stack(patch_labels)
    device, items = patches[0].device, moved.nonzero().flatten().tolist()
    half = torch.tensor([images[item].shape[1:] for item in items], device=device) / 2
    grid = _sampling_grid(
        matrix[moved].to(device),
        control[moved].to(device),
        shift.to(device)[items],
        half,
        shape,
        control_spacing,
    )
    for where, item in zip(grid, items, strict=True):
        image, label = patches[item], patch_labels[item]
        patches[item] = _sampled(image, where, "bilinear")
        patch_labels[item] = _sampled(label.float(), where, "nearest").to(label.dtype)
    return torch.stack(patches), torch.stack(patch_labels)


def _sampled(piece: Tensor, grid: Tensor, mode: str) -> Tensor:
    return F.grid_sample(piece[None], grid[None], mode=mode, align_corners=False)[0]


def swap_classes(labels: Tensor, items: Tensor, swap: Sequence[int]) -> Tensor:
    """Return labels ``(B, 1, *S)`` in which class ``k`` has become ``swap[k]`` in the ``items`` ``(B,)`` chosen."""
    table = torch.tensor(swap, dtype=labels.dtype, device=labels.device)
    chosen = items.to(labels.device).reshape(-1, *[1] * (labels.ndim - 1))
    return torch.where(chosen, table[labels.long()], labels)


def _sampling_grid(
    matrix: Tensor,
    control: Tensor,
    shift: Tensor,
    half: Tensor,
    shape: Sequence[int],
    spacing: Sequence[float],
) -> Tensor:
    """Return grid_sample's grid ``(B, *S, D)``: last tensor axis first, -1 to 1 between the piece's outer edges.

    ``half`` ``(B, D)`` is half the size of each piece.
    """
    rows = (matrix / half[..., None]).flip(1)  # (B, D, D): offset in voxels -> grid_sample's coordinates
    bent = torch.einsum("bij,bj...->bi...", rows, control)
    splines = [_spline_matrix(n, step, matrix.device) for n, step in zip(shape, spacing, strict=True)]
    grid = along_axes(bent, splines)  # (B, D, *S)
    start = (shift / half).flip(1)[..., None]  # the patch's centre
    for axis, n in enumerate(shape):
        offset = torch.arange(n, device=matrix.device) - (n - 1) / 2
        line = rows[:, :, axis, None] * offset + (start if axis == 0 else 0)  # (B, D, n)
        before, after = (1,) * axis, (1,) * (len(shape) - 1 - axis)
        grid = grid + line.reshape(*line.shape[:2], *before, n, *after)
    return grid.movedim(1, -1)


def _spline_matrix(n: int, spacing: float, device: torch.device) -> Tensor:
    """Weights ``(n, K)`` of the K control points, which lie around the line's centre, in each of n voxels."""
    (points,) = control_shape((n,), (spacing,))
    voxel = (torch.arange(n, device=device) - (n - 1) / 2) / spacing + (points - 1) / 2
    t = (voxel[:, None] - torch.arange(points, device=device)).abs()
    near, far = 2 / 3 - t.square() + t.pow(3) / 2, (2 - t).clamp_min(0).pow(3) / 6
    return torch.where(t < 1, near, far)


def along_axes(x: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    """Multiply every line of ``x`` along spatial axis ``i`` with ``matrices[i]``.

    Shape:
        ``x``: ``(B, C, *S)``; ``matrices[i]``: ``(N_i, S_i)``, or ``(B, N_i, S_i)`` for one matrix per item;
        result: ``(B, C, *N)``.
    """
    for axis, matrix in enumerate(matrices, start=2):
        lines = x.movedim(axis, -1)  # (B, C, ..., S_i)
        flat = lines.flatten(1, -2) @ matrix.mT  # (B, lines, N_i)
        x = flat.reshape(*lines.shape[:-1], -1).movedim(-1, axis)
    return x
