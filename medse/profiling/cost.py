"""What a module costs: its parameters, and the floating point operations of one forward pass."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from medse.profiling.flop_rules import flops


@dataclass(frozen=True)
class Cost:
    """What a module costs.

    Attributes:
        parameters: Numbers that are learned; shared ones count once.
        flops: Floating point operations of one forward pass in evaluation mode, as :mod:`medse.profiling.flop_rules`
            defines them: 2 for a multiply-add. What depends neither on the input nor on the weights is free.
    """

    parameters: int
    flops: int


def cost(module: nn.Module, shape: tuple[int, ...]) -> Cost:
    """Count the parameters and FLOPs of a module.

    Nothing is computed: a copy of the module runs on tensors that have shapes and no values, so that any size is
    quick and takes no memory. The module itself stays as it is.

    Args:
        module: Takes one tensor, and must not decide by its values what to do.
        shape: Of that tensor, such as ``(B, C, *spatial)``.

    Raises:
        InputError: The module uses an operator that has no rule here; nothing counts 0 by oversight.
    """
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    without_values = {id(t): fake.from_tensor(t) for t in (*module.parameters(), *module.buffers())}
    runs = copy.deepcopy(module, without_values).eval()
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    with fake:
        x = torch.empty(shape, dtype=like.dtype, device=like.device)
    # The mode stays off while the module runs, so that constants which it makes and keeps have values.
    with torch.no_grad(), _Counter() as counter:
        runs(x)
    return Cost(sum(p.numel() for p in module.parameters()), counter.flops)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sums up the FLOPs of all operators whose result depends on something without values."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        results = out if isinstance(out, tuple | list) else [out]
        if any(isinstance(result, FakeTensor) for result in results):
            self.flops += flops(func, args, kwargs or {}, out)
        return out
