"""Reading a small tensor from a feature map: means, profiles, frequencies, bins."""

from typing import Any, Protocol

from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from medse.attention.ops.eager import lean


class Pool(Protocol):
    """A linear map of each channel's voxels to a few numbers."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return the numbers of ``(B, C, *spatial)`` as ``(B, C, ...)``, in float32 or better."""

    def spread(self, numbers: Tensor, gradient: Tensor) -> None:
        """Add the transposed map of ``numbers`` to ``gradient``, ``(B, C, *spatial)``, in place."""


def squeeze(x: Tensor, pool: Pool) -> tuple[Tensor, Tensor]:
    """Return ``x`` and what ``pool`` reads from it.

    The ``x`` returned shares its memory with the one given. Only the functions of this package may use it: the
    backward pass writes into the gradient that reaches it.
    """
    if lean():
        return _Squeeze.apply(x, pool)  # type: ignore[no-any-return,no-untyped-call]
    return x, pool(x)


class _Squeeze(Function):
    """Keeps nothing."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, pool: Pool) -> tuple[Tensor, Tensor]:
        ctx.pool = pool
        return x.view_as(x), pool(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dx: Tensor, numbers: Tensor) -> tuple[Tensor, None]:
        ctx.pool.spread(numbers, dx)
        return dx, None
