"""The formulas of the attention blocks in ordinary PyTorch, as their authors write them.

Each takes one of our blocks for its parameters, and the input.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def channel(block: Any, x: Tensor) -> Tensor:
    gate = block.fc2(block.fc1(x.mean(tuple(range(2, x.ndim)))).relu()).sigmoid()
    return gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))


def voxel(block: Any, x: Tensor) -> Tensor:
    return block.conv(x).sigmoid()


def se(block: Any, x: Tensor) -> Tensor:
    return x * channel(block, x)


def sse(block: Any, x: Tensor) -> Tensor:
    return x * voxel(block, x)


def scse_max(block: Any, x: Tensor) -> Tensor:
    return torch.maximum(x * channel(block.channel, x), x * voxel(block.spatial, x))


def scse_add(block: Any, x: Tensor) -> Tensor:
    return x * channel(block.channel, x) + x * voxel(block.spatial, x)


def scse_mul(block: Any, x: Tensor) -> Tensor:
    return x * (channel(block.channel, x) * voxel(block.spatial, x))


def pe(block: Any, x: Tensor) -> Tensor:
    axes = range(2, x.ndim)
    profiles = [x.mean([a for a in axes if a != kept], keepdim=True) for kept in axes]
    total = profiles[0]
    for profile in profiles[1:]:
        total = total + profile
    return x * block.expand(block.reduce(total).relu()).sigmoid()


def eca(block: Any, x: Tensor) -> Tensor:
    means = x.mean(tuple(range(2, x.ndim)))
    gate = F.conv1d(means[:, None], block.conv.weight, padding=block.conv.weight.shape[2] // 2)[
        :, 0
    ].sigmoid()
    return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))


def fca(block: Any, x: Tensor) -> Tensor:
    filters = FILTERS.setdefault((id(block), x.dtype), block.filters(tuple(x.shape[2:])).to(x))
    sums = (x * filters).sum(tuple(range(2, x.ndim)))
    gate = block.fc2(block.fc1(sums).relu()).sigmoid()
    return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))


FILTERS: dict[tuple[int, torch.dtype], Tensor] = {}


def coord(block: Any, x: Tensor) -> Tensor:
    axes = range(2, x.ndim)
    profiles = torch.cat([x.mean([a for a in axes if a != kept]) for kept in axes], dim=2).unsqueeze(-1)
    hidden = block.norm(block.reduce(profiles))
    hidden = hidden * F.relu6(hidden + 3) / 6
    y = x
    for axis, (expand, part) in enumerate(
        zip(block.expand, hidden.split(list(x.shape[2:]), dim=2), strict=True)
    ):
        lengths = [x.shape[2 + axis] if other == axis else 1 for other in range(x.ndim - 2)]
        y = y * expand(part).sigmoid().reshape(*x.shape[:2], *lengths)
    return y


def simam(block: Any, x: Tensor) -> Tensor:
    axes = tuple(range(2, x.ndim))
    squares = (x - x.mean(axes, keepdim=True)).pow(2)
    spread = squares.sum(axes, keepdim=True) / (x[0, 0].numel() - 1)
    return x * torch.sigmoid(squares / (4 * (spread + block.lambda_)) + 0.5)


def spse(block: Any, x: Tensor) -> Tensor:
    pool = F.adaptive_avg_pool2d if x.ndim == 4 else F.adaptive_avg_pool3d
    described = sum(weigh(pool(x, n)).flatten(1) for weigh, n in zip(block.weigh, block.levels, strict=True))
    gate = block.fc2(block.fc1(block.norm(described).relu()).relu()).sigmoid()
    return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))


def rgse(block: Any, x: Tensor) -> Tensor:
    pool = F.avg_pool2d if x.ndim == 4 else F.avg_pool3d
    descriptor = block.norm(block.weigh(pool(x, x.shape[2] // block.grid)).flatten(1)).relu()
    gate = block.fc2(block.fc1(descriptor).relu()).sigmoid()
    return x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))


def cbam(block: Any, x: Tensor) -> Tensor:
    both = (x.mean(tuple(range(2, x.ndim))), x.flatten(2).max(2).values)
    gate = sum(block.fc2(block.fc1(z).relu()) for z in both).sigmoid()
    x = x * gate.reshape(*gate.shape, *(1,) * (x.ndim - 2))
    scores = block.conv(torch.cat((x.max(1, keepdim=True).values, x.mean(1, keepdim=True)), dim=1))
    return x * block.norm(scores.flatten(2)).view_as(scores).sigmoid()


BLOCKS: dict[str, tuple[Any, Callable[[Any, Tensor], Tensor], float]] = {
    "cse": ("cse", se, 7),
    "sse": ("sse", sse, 6),
    "scse max": ("scse", scse_max, 8),
    "scse add": ({"name": "scse", "combine": "add"}, scse_add, 8),
    "scse mul": ({"name": "scse", "combine": "mul"}, scse_mul, 8),
    "pe": ("pe", pe, 8),
    "eca": ("eca", eca, 7),
    "fca": ("fca", fca, 7),
    "coord": ("coord", coord, 8),
    "simam": ("simam", simam, 9),
    "spse": ("spse", spse, 7),
    "rgse": ("rgse", rgse, 7),
    "cbam": ("cbam", cbam, 12),
}
"""Name -> block, plain formula, and how many times the input's size must be moved."""


class Plain(nn.Module):
    """The parameters of a block with the plain formula."""

    def __init__(self, block: nn.Module, formula: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.block, self.formula = block, formula

    def forward(self, x: Tensor) -> Tensor:
        return self.formula(self.block, x)
