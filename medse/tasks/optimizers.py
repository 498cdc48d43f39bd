"""Optimizers: each is built as ``optimizer(parameters, **options)``; the learning rate always decays as poly.

A new optimizer is one function here and one line in :data:`OPTIMIZERS`.
"""

from collections.abc import Callable, Iterable
from typing import Annotated

from pydantic import Field
from torch import nn, optim

Rate = Annotated[float, Field(gt=0)]
Decay = Annotated[float, Field(ge=0)]
Momentum = Annotated[float, Field(gt=0, lt=1)]


def adamw(
    parameters: Iterable[nn.Parameter], *, lr: Rate = 1e-3, weight_decay: Decay = 1e-2
) -> optim.Optimizer:
    """AdamW (Loshchilov and Hutter, ICLR 2019)."""
    return optim.AdamW(parameters, lr=lr, weight_decay=weight_decay)


def sgd(
    parameters: Iterable[nn.Parameter],
    *,
    lr: Rate = 1e-2,
    momentum: Momentum = 0.99,
    weight_decay: Decay = 3e-5,
) -> optim.Optimizer:
    """SGD with Nesterov momentum, as nnU-Net trains."""
    return optim.SGD(parameters, lr=lr, momentum=momentum, weight_decay=weight_decay, nesterov=True)


OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {"adamw": adamw, "sgd": sgd}
"""Name in a config -> optimizer."""

DERIVED = frozenset({"parameters"})
"""Parameters of an optimizer that are not options."""


def poly(progress: float, exponent: float = 0.9) -> float:
    """Factor of the learning rate when the share ``progress`` of a training is done: ``(1 - p)^0.9``.

    Reference:
        Chen et al., DeepLab (TPAMI 2018), section 4.1; the exponent is the one of nnU-Net.
    """
    factor: float = (1 - min(max(progress, 0.0), 1.0)) ** exponent
    return factor
