"""Gates: what turns a score into the factor that multiplies a feature."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Gate = Literal["sigmoid", "hard_sigmoid", "relu", "tanh"]

GATES: dict[Gate, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid,
    "hard_sigmoid": F.hardsigmoid,
    "relu": torch.relu,
    "tanh": torch.tanh,
}
"""Name -> element-wise function. Papers use ``sigmoid``; the others are for ablations."""

IN_PLACE: dict[Gate, Callable[[Tensor], Tensor]] = {
    "sigmoid": torch.sigmoid_,
    "hard_sigmoid": lambda scores: F.hardsigmoid(scores, inplace=True),
    "relu": torch.relu_,
    "tanh": torch.tanh_,
}
"""The same functions, overwriting their argument."""


def slope(gate: Gate, value: Tensor) -> Tensor:
    """Return the derivative of a gate where its output is ``value``, same shape."""
    if gate == "sigmoid":
        return (1 - value).mul_(value)
    if gate == "tanh":
        return torch.square(value).neg_().add_(1)
    if gate == "relu":
        return (value > 0).to(value.dtype)
    return ((value > 0) & (value < 1)).to(value.dtype).div_(6)
