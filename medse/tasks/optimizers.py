"""Optimizers: each is built as ``optimizer(parameters, **options)``; and how the learning rate goes.

A new optimizer is one function here and one line in :data:`OPTIMIZERS`.
"""

import math
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


def cosine(progress: float, warmup: float) -> float:
    """Factor of the learning rate when the share ``progress`` of a training is done.

    It rises in a line over the share ``warmup`` and falls as half a cosine to 0.

    Reference:
        Loshchilov and Hutter, SGDR (ICLR 2017), equation 5, without restarts; Goyal et al., Accurate, Large
        Minibatch SGD (2017), section 2.2, for the warm-up.
    """
    done = min(max(progress, 0.0), 1.0)
    if done < warmup:
        return max(done / warmup, 0.01)
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))
