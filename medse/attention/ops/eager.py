"""Which of the two ways a block runs, and in which type it computes."""

import torch
from torch import Tensor


def lean() -> bool:
    """Return whether closed-form functions run, and not the plain formulas that tracers need."""
    return not (torch.compiler.is_compiling() or torch.jit.is_tracing())  # type: ignore[attr-defined,no-untyped-call]


def statistics_dtype(x: Tensor) -> torch.dtype:
    """Return the type of means, gates and their gradients for features ``x``: at least float32."""
    return torch.promote_types(x.dtype, torch.float32)
