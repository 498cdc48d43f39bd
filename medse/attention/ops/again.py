"""Gradients that can be differentiated again."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def gradients_again(
    formula: Callable[..., Tensor], given: tuple[Any, ...], gradient: Tensor
) -> tuple[Any, ...]:
    """Return the gradients of a plain formula for what it is given, as part of the graph.

    Closed-form backward passes call it while gradients are recorded (``create_graph=True``): what they overwrite
    could not be differentiated.

    Args:
        formula: Ordinary operations that compute the same as the closed form.
        given: Its arguments, as the closed form got them.
        gradient: That of its result.

    Returns:
        For each argument its gradient; None where it needs none.
    """
    # one argument may lead to another, as the features to a gate: views part them
    parted = [each.view_as(each) if isinstance(each, Tensor) else each for each in given]
    wanted = [each for each in parted if isinstance(each, Tensor) and each.requires_grad]
    found = torch.autograd.grad(formula(*parted), wanted, gradient, create_graph=True)
    by_id = {id(each): value for each, value in zip(wanted, found, strict=True)}
    return tuple(by_id.get(id(each)) for each in parted)
