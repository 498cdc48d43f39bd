"""Who runs a block: eager mode, a transform of derivatives, a compiler or an exporter."""

from typing import Any

import torch
from torch import Tensor, library
from torch.autograd import forward_ad


def eager() -> bool:
    """Return whether closed-form functions may run instead of plain formulas.

    They may not while something traces, and neither where derivatives are taken otherwise than backwards.
    """
    if torch.compiler.is_compiling() or torch.jit.is_tracing():  # type: ignore[attr-defined,no-untyped-call]
        return False
    return not transformed() and forward_ad._current_level < 0  # what forward_ad itself asks


def transformed() -> bool:
    """Return whether a transform of ``torch.func`` runs: vmap, grad, jvp, jacrev and their like.

    There is no public word for it; this is what ``autograd.Function`` itself asks.
    """
    return torch._C._are_functorch_transforms_active()


def fusing() -> bool:
    """Return whether what traces is a compiler that fuses operations, and not an exporter."""
    return torch.compiler.is_compiling() and not torch.compiler.is_exporting()


@library.custom_op("medse::apart", mutates_args=())
def apart(x: Tensor) -> Tensor:
    """Return a copy of ``x`` that a compiled graph writes to memory: a border that is not fused across.

    Without it, what comes before a concurrent block (normalisation, activation) is computed again inside each of
    its sums: a step of a compiled U-Net took 1.5 times as long, and with the border, which costs a copy, 1.1 times.
    """
    return x.clone()


@apart.register_fake
def _shape(x: Tensor) -> Tensor:
    return torch.empty_like(x)


def _backward(_: Any, g: Tensor) -> Any:
    return apart(g)


apart.register_autograd(_backward)
