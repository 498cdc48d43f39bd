"""Linear maps that act along one spatial axis after the other: splines and filters as small matrices."""

from collections.abc import Sequence

from torch import Tensor


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
