"""What there is to know about a network before it is trained."""

from dataclasses import dataclass

from torch import nn

from medse.machine import Precision
from medse.profiling.cost import Cost, cost
from medse.profiling.receptive_field import receptive_field
from medse.profiling.step_memory import StepMemory, step_memory


@dataclass(frozen=True)
class NetFacts:
    """Facts about a network on patches of one size.

    Attributes:
        patch: Voxels of the patch along each axis.
        batch: Patches in a training step.
        precision: What that step computes in where it can.
        cost: Parameters, and FLOPs of one forward pass on one patch.
        memory: Where the memory of a training step goes.
        plain: Cost and memory without the attention; None where there is none.
        receptive_field: Voxels along each axis, without the attention.
    """

    patch: tuple[int, ...]
    batch: int
    precision: Precision
    cost: Cost
    memory: StepMemory
    plain: tuple[Cost, StepMemory] | None
    receptive_field: tuple[int, ...]


def net_facts(
    net: nn.Module, plain: nn.Module | None, shape: tuple[int, ...], *, precision: Precision, device: str
) -> NetFacts:
    """Find out what a network needs and sees, without running it.

    Args:
        net: The network; it may have been built on PyTorch's device ``meta``, without memory.
        plain: The same without attention; None where it has none.
        shape: Patches of a training step, ``(B, C, *spatial)``.
        precision: That step runs under automatic mixed precision unless it is fp32.
        device: Kind of device it would run on, ``cpu`` or ``cuda``.

    Raises:
        InputError: An operator of the network has no rule for its receptive field.
    """
    batch, channels, *patch = shape

    def needs(module: nn.Module) -> tuple[Cost, StepMemory]:
        return cost(module, (1, *shape[1:])), step_memory(
            module, shape, half=precision != "fp32", device=device
        )

    found, memory = needs(net)
    return NetFacts(
        patch=tuple(patch),
        batch=batch,
        precision=precision,
        cost=found,
        memory=memory,
        plain=None if plain is None else needs(plain),
        receptive_field=receptive_field(net if plain is None else plain, len(patch), channels),
    )
