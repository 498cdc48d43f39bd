"""Moving images and labels together: rotation, scaling, mirror and elastic deformation in one resampling."""

from collections.abc import Sequence
from itertools import combinations

import torch
import torch.nn.functional as F
from torch import Tensor

FOLD_FREE = 1 / 2.48
"""Largest control displacement, in control spacings, that surely folds nothing (Choi and Lee 2000, 3-D)."""


def affine_matrices(angles: Tensor, factors: Tensor) -> Tensor:
    """Return matrices that scale along the axes, then rotate in each plane in turn.

    Args:
        angles: Radians, one per pair of axes: ``(B, 1)`` in 2-D, ``(B, 3)`` in 3-D.
        factors: Factor per axis, ``(B, D)``; a negative one mirrors.

    Shape:
        ``(B, D, D)``. Angle 0 and factor 1 give the identity exactly.
    """
    size = factors.shape[1]
    matrix = torch.diag_embed(factors)
    for angle, (i, j) in zip(angles.T, combinations(range(size), 2), strict=True):
        turn = torch.eye(size, device=factors.device).repeat(len(factors), 1, 1)
        turn[:, i, i] = turn[:, j, j] = angle.cos()
        turn[:, i, j], turn[:, j, i] = -angle.sin(), angle.sin()
        matrix = turn @ matrix
    return matrix


def control_shape(shape: Sequence[int], spacing: int) -> tuple[int, ...]:
    """Number of spline control points per axis for a patch of ``shape`` voxels."""
    return tuple(-(-(n - 1) // spacing) + 3 for n in shape)


def warp(
    images: Tensor, labels: Tensor, matrix: Tensor, control: Tensor, control_spacing: int
) -> tuple[Tensor, Tensor]:
    """Move images (linear) and labels (nearest) by the same grid.

    The result at voxel ``p`` is the input at ``c + matrix (p + u(p) - c)``, with ``c`` the patch's centre and
    ``u`` the cubic B-spline of the control displacements, all in voxels: a rotation stays one in a patch that
    is not a cube. Outside the patch images are 0 (the mean of a z-scored volume, the background of a
    skull-stripped one, and what patches are padded with anyway) and labels background. Items with identity
    parameters stay as they are, bit for bit.

    Args:
        images: ``(B, C, *S)`` float32.
        labels: ``(B, 1, *S)`` integers below 2**24.
        matrix: ``(B, D, D)`` from output to input offsets; see :func:`affine_matrices`.
        control: ``(B, D, *control_shape(S, control_spacing))``, displacements in voxels.
        control_spacing: Voxels between control points.
    """
    identity = torch.eye(matrix.shape[1], device=matrix.device)
    moved = (matrix != identity).flatten(1).any(dim=1) | (control != 0).flatten(1).any(dim=1)
    if not moved.any():
        return images, labels
    matrix, control = matrix[moved].to(images.device), control[moved].to(images.device)
    grid = _sampling_grid(matrix, control, images.shape[2:], control_spacing)
    items = moved.nonzero().flatten().to(images.device)
    warped, warped_labels = images.clone(), labels.clone()  # clone keeps channels-last
    warped[items] = F.grid_sample(images[items], grid, mode="bilinear", align_corners=False)
    nearest = F.grid_sample(labels[items].float(), grid, mode="nearest", align_corners=False)
    warped_labels[items] = nearest.to(labels.dtype)
    return warped, warped_labels


def swap_classes(labels: Tensor, items: Tensor, swap: Sequence[int]) -> Tensor:
    """Return labels ``(B, 1, *S)`` in which class ``k`` has become ``swap[k]`` in the ``items`` ``(B,)`` chosen."""
    table = torch.tensor(swap, dtype=labels.dtype, device=labels.device)
    chosen = items.to(labels.device).reshape(-1, *[1] * (labels.ndim - 1))
    return torch.where(chosen, table[labels.long()], labels)


def _sampling_grid(matrix: Tensor, control: Tensor, shape: Sequence[int], spacing: int) -> Tensor:
    """Return grid_sample's grid ``(B, *S, D)``: last tensor axis first, -1 to 1 between the outer edges."""
    half = torch.tensor([n / 2 for n in shape], device=matrix.device)
    rows = (matrix / half[:, None]).flip(1)  # (B, D, D): offset in voxels -> grid_sample's coordinates
    bent = torch.einsum("bij,bj...->bi...", rows, control)
    grid = along_axes(bent, [_spline_matrix(n, spacing, matrix.device) for n in shape])  # (B, D, *S)
    for axis, n in enumerate(shape):
        offset = torch.arange(n, device=matrix.device) - (n - 1) / 2
        tail = (1,) * (len(shape) - 1 - axis)
        grid = grid + rows[:, :, axis].reshape(*rows.shape[:2], *[1] * len(shape)) * offset.reshape(-1, *tail)
    return grid.movedim(1, -1)


def _spline_matrix(n: int, spacing: int, device: torch.device) -> Tensor:
    """Weights ``(n, K)`` of the K control points, which lie around the line's centre, in each of n voxels."""
    (points,) = control_shape((n,), spacing)
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
