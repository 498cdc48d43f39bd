"""Where the cells of a feature map lie in the image, and maps drawn there."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medse.attention.block import AttentionBlock
from medse.errors import InputError
from medse.profiling.cell_places import CellPlaces, cell_places
from medse.profiling.cost import without_values


def places_of(net: nn.Module, images: Tensor, layers: Sequence[str]) -> dict[str, tuple[CellPlaces, ...]]:
    """Return for each layer where along each axis its cells lie: in the middle of the voxels that they are made of.

    Convolutions of odd length that step by 2 and pad both sides, as those of ResNet, look at voxels 0, 2, 4 and so
    on: after five of them a cell lies 16 voxels before the middle of the 32 that would be its share of the image, a
    tenth of an image of 160. What interpolates maps from border to border shows them that far off.

    Layers for which this cannot be found out, because the net uses operators of which no rule is known, are left out.

    Args:
        images: ``(B, C, *spatial)``; only its shape matters.
        layers: Names of modules.
    """
    plain = without_values(net)
    within: dict[str, str] = {}
    for name, block in [*plain.named_modules()]:
        if isinstance(block, AttentionBlock) and name not in within:  # it looks at the whole image
            parent, _, child = name.rpartition(".")
            setattr(plain.get_submodule(parent), child, nn.Identity())
            within |= {f"{name}.{part}".removesuffix("."): name for part, _ in block.named_modules()}
    try:
        found = cell_places(
            plain, images.ndim - 2, images.shape[1], {within.get(name, name) for name in layers}
        )
    except (
        InputError,
        RuntimeError,
    ):  # there is no rule for an operator, or the net takes images of one size only
        return {}
    return {name: found[within.get(name, name)] for name in layers}


def over_image(maps: Tensor, size: Sequence[int], places: Sequence[CellPlaces] | None) -> Tensor:
    """Interpolate maps linearly between the places of their cells; beyond the outermost they stay as they are.

    Args:
        maps: ``(B, C, *cells)``.
        size: Voxels of the image along each axis.
        places: As of :func:`places_of`; None for cells that share the image evenly.

    Returns:
        ``(B, C, *size)``.
    """
    for axis, length in enumerate(size):
        cells = maps.shape[2 + axis]
        start, step = ((length / cells - 1) / 2, length / cells) if places is None else places[axis]
        at = ((torch.arange(length, device=maps.device) - start) / step).clamp(0, cells - 1)
        weights = (1 - (at[:, None] - torch.arange(cells, device=maps.device)).abs()).clamp(min=0)
        maps = (maps.movedim(2 + axis, -1) @ weights.T.to(maps.dtype)).movedim(-1, 2 + axis)
    return maps
