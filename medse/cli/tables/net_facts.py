"""What is known about a network, in words."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from medse.cli.tables.quantities import COUNTED, by, memory, percent, short

if TYPE_CHECKING:  # scoring must not load torch, which these facts come with
    from medse.profiling.facts import NetFacts


def fact_rows(facts: "NetFacts") -> dict[str, str]:
    """Return a line for each fact, under its title."""
    parts = asdict(facts.memory)
    patches = "a patch" if facts.batch == 1 else f"{facts.batch} patches"
    return {
        "parameters": f"{facts.cost.parameters:,}",
        "FLOPs": f"{short(facts.cost.flops)} forward on a patch of {by(facts.patch)}, {COUNTED}",
        "receptive field": f"{by(facts.receptive_field)} voxels; {_compared(facts)}",
        "step memory": f"about {memory(facts.memory.total)} for {patches} in {facts.precision}: "
        + ", ".join(f"{name} {memory(count)}" for name, count in parts.items()),
        "attention adds": _added(facts),
    }


def _compared(facts: "NetFacts") -> str:
    axes = [
        str(axis)
        for axis, (seen, length) in enumerate(zip(facts.receptive_field, facts.patch, strict=True))
        if length < seen
    ]
    if not axes:
        return "the patch covers it"
    where = "every axis" if len(axes) == len(facts.patch) else f"axis {' and '.join(axes)}"
    return f"the patch is shorter along {where}"


def _added(facts: "NetFacts") -> str:
    if facts.plain is None:
        return "-"
    plain, memory_without = facts.plain
    new = facts.cost.parameters - plain.parameters
    flops = percent(facts.cost.flops - plain.flops, plain.flops)
    step = percent(facts.memory.total - memory_without.total, memory_without.total)
    return f"{new:,} parameters ({percent(new, plain.parameters)}), {flops} to the FLOPs, {step} to the step memory"
