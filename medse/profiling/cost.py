"""What a module costs: its parameters, and the floating point operations of one forward pass."""

import copy
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Module = TypeVar("Module", bound=nn.Module)


@dataclass(frozen=True)
class Cost:
    """What a module costs.

    Attributes:
        parameters: Numbers that are learned; shared ones count once.
        flops: Floating point operations of the convolutions and matrix products of one forward pass in evaluation
            mode.
    """

    parameters: int
    flops: int


def cost(module: nn.Module, shape: tuple[int, ...]) -> Cost:
    """Count the parameters and FLOPs of a module.

    FLOPs are counted by :class:`torch.utils.flop_counter.FlopCounterMode`: 2 for each multiply-add of a convolution
    or of a product of two matrices. All other operators count 0: biases, normalisation, activations, pooling,
    interpolation, sums, element-wise products, and the product of a matrix and a vector.

    Nothing is computed: a copy of the module runs on tensors that have shapes and no values, so that any size is
    quick and takes no memory. The module itself stays as it is.

    Args:
        module: Takes one tensor, and must not decide by its values what to do.
        shape: Of that tensor, such as ``(B, C, *spatial)``.
    """
    runs = without_values(module)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        runs(torch.empty(shape, dtype=float_type(module), device="meta"))
    return Cost(sum(p.numel() for p in module.parameters()), counter.get_total_flops())


def without_values(module: Module) -> Module:
    """Return a copy in evaluation mode whose tensors have shapes and no values."""
    tensors: dict[int, Tensor] = {id(t): t.to("meta") for t in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, dict(tensors)).eval()


def float_type(module: nn.Module) -> torch.dtype:
    """Return the type of the module's first floating point parameter, PyTorch's default where there is none."""
    return next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.get_default_dtype())
