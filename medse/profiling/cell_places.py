"""Where in the image the cells of a network's maps lie."""

from collections.abc import Collection
from contextlib import ExitStack
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from medse.profiling.cost import float_type, without_values
from medse.profiling.receptive_field import MOST, START, Field, Ints, Tracer, not_found


class CellPlaces(NamedTuple):
    """Where the cells of a map lie along an axis of the image: cell k at voxel ``start + k * step``."""

    start: float
    step: float


def cell_places(
    module: nn.Module, spatial_dims: int, in_channels: int, layers: Collection[str]
) -> dict[str, tuple[CellPlaces, ...]]:
    """Return for maps within a network where in the image their cells lie: in the middle of what they can depend on.

    What borders cut off does not count: a cell at a border lies where it would lie in a larger image.

    Args:
        module: As of :func:`.receptive_field`.
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        layers: Names of modules that return maps.

    Returns:
        For each layer a place per axis.

    Raises:
        InputError: As :func:`.receptive_field`; or a layer returns no map of several cells.
    """
    runs, length = without_values(module), START
    while True:
        x = torch.empty((1, in_channels, *(length,) * spatial_dims), dtype=float_type(module), device="meta")
        fields = _within(runs, x, layers)
        if all(2 * max(field.widest) <= length for field in fields.values()) or length == MOST:
            return {name: tuple(map(_places, field.axes)) for name, field in fields.items()}
        length *= 2


def _within(runs: nn.Module, x: Tensor, layers: Collection[str]) -> dict[str, Field]:
    """Return the fields of the maps that some layers return for an image."""
    fields: dict[str, Field] = {}
    with torch.no_grad(), Tracer(x) as tracer, ExitStack() as hooks:

        def note(name: str, _module: nn.Module, _given: Any, out: Tensor) -> None:
            field = tracer.field(out)
            if field is not None and not field.pooled:
                fields[name] = field

        for name in layers:
            hooks.enter_context(runs.get_submodule(name).register_forward_hook(partial(note, name)))
        runs(x)
    if missing := set(layers) - {*fields}:
        raise not_found(f"its module {min(missing)} returns no map; allowed are those that do; name one")
    return fields


def _places(axis: Ints) -> CellPlaces:
    """Return where cells lie that can depend on the voxels ``(2, positions)``, from two in the middle."""
    centres = (axis[0] - axis[1]) / 2
    middle = axis.shape[1] // 2
    if middle == 0:
        raise not_found("a map has a single cell along an axis; allowed are several; use a layer before it")
    step = float(centres[middle] - centres[middle - 1])
    return CellPlaces(float(centres[middle]) - middle * step, step)
