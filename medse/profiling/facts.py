"""What there is to know about a network before it is trained."""

from dataclasses import dataclass

from torch import nn

from medse.profiling.cost import cost
from medse.profiling.receptive_field import receptive_field
from medse.profiling.step_memory import StepMemory, step_memory


@dataclass(frozen=True)
class Totals:
    """What a network needs.

    Attributes:
        parameters: Numbers that are learned.
        flops: Floating point operations of one forward pass on one patch.
        bytes: Memory of a training step.
    """

    parameters: int
    flops: int
    bytes: int


@dataclass(frozen=True)
class NetFacts:
    """Facts about a network on patches of one size.

    Attributes:
        patch: Voxels of the patch along each axis.
        batch: Patches in a training step.
        bf16: Whether that step computes in bf16 where it can.
        totals: What it needs.
        plain: What it needs without its attention; None where it has none.
        memory: Where the memory of a training step goes.
        receptive_field: Voxels along each axis, without the attention.
    """

    patch: tuple[int, ...]
    batch: int
    bf16: bool
    totals: Totals
    plain: Totals | None
    memory: StepMemory
    receptive_field: tuple[int, ...]


def net_facts(
    net: nn.Module, plain: nn.Module | None, shape: tuple[int, ...], *, bf16: bool, device: str
) -> NetFacts:
    """Find out what a network needs and sees, without running it.

    Args:
        net: The network; it may have been built on PyTorch's device ``meta``, without memory.
        plain: The same without attention; None where it has none.
        shape: Patches of a training step, ``(B, C, *spatial)``.
        bf16: Whether that step runs under automatic mixed precision with bfloat16.
        device: Kind of device it would run on, ``cpu`` or ``cuda``.

    Raises:
        InputError: An operator of the network has no rule for its FLOPs or its receptive field.
    """
    batch, channels, *patch = shape

    def needs(module: nn.Module) -> tuple[Totals, StepMemory]:
        found, memory = cost(module, (1, *shape[1:])), step_memory(module, shape, bf16=bf16, device=device)
        return Totals(found.parameters, found.flops, memory.total), memory

    totals, memory = needs(net)
    return NetFacts(
        patch=tuple(patch),
        batch=batch,
        bf16=bf16,
        totals=totals,
        plain=None if plain is None else needs(plain)[0],
        memory=memory,
        receptive_field=receptive_field(net if plain is None else plain, len(patch), channels),
    )
