"""How much memory a training step takes."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode  # autocast would not cast on meta

STATES = 2
"""Numbers that the optimizer keeps for each parameter: the two means of AdamW. SGD with momentum keeps one."""


@dataclass(frozen=True)
class StepMemory:
    """Bytes that a training step holds at the end of its forward pass.

    Attributes:
        activations: What is kept for the backward pass.
        weights: Parameters and buffers.
        gradients: A number for each parameter.
        optimizer: State of the optimizer.
    """

    activations: int
    weights: int
    gradients: int
    optimizer: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.activations + self.weights + self.gradients + self.optimizer


def step_memory(
    module: nn.Module, shape: tuple[int, ...], *, half: bool = False, device: str = "cpu"
) -> StepMemory:
    """Find out what a training step holds, without the memory for it.

    A copy of the module runs in training mode on tensors that have shapes and no values, and what autograd keeps is
    counted: each storage once, in the type in which the operators ask for it. Under mixed precision these are halves
    for most maps and for copies of the weights, float32 for others, so that it is more than half of float32's; the
    means and variances that normalisation keeps, a number per channel, may be counted with 2 bytes instead of 4.
    Not counted are the loss and what operators need while they run.

    Args:
        module: Takes one tensor.
        shape: Of that tensor, ``(B, C, *spatial)``.
        half: Whether the step runs under PyTorch's automatic mixed precision; bf16 takes as many bytes as fp16.
        device: Kind of device that the step would run on, ``cpu`` or ``cuda``; which types mixed precision chooses
            depends on it.
    """
    kept: dict[int, torch.UntypedStorage] = {}  # held, so that no other one gets the same identity

    def keep(tensor: Tensor) -> Tensor:
        kept[id(tensor.untyped_storage())] = tensor.untyped_storage()
        return tensor

    with FakeTensorMode(allow_non_fake_inputs=True):
        own: dict[int, Tensor] = {
            id(p): nn.Parameter(_without_values(p, device), p.requires_grad) for p in module.parameters()
        }
        own |= {id(buffer): _without_values(buffer, device) for buffer in module.buffers()}
        x = torch.empty(shape, device=device)
    runs = copy.deepcopy(module, dict(own)).train()
    with (
        torch.autocast(device, torch.bfloat16, enabled=half),
        torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor),
    ):
        runs(x)
    for tensor in own.values():
        kept.pop(id(tensor.untyped_storage()), None)
    learned = sum(p.nbytes for p in module.parameters() if p.requires_grad)
    return StepMemory(
        activations=sum(storage.nbytes() for storage in kept.values()),
        weights=sum(tensor.nbytes for tensor in own.values()),
        gradients=learned,
        optimizer=STATES * learned,
    )


def _without_values(tensor: Tensor, device: str) -> Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=device)
