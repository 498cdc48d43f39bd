"""Attention stands in residual blocks where figure 5 of Hu et al. has it, and nowhere else."""

from collections import Counter
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from medse.nets.blocks.residual import ResidualPlacement
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2
from tests.support.randomized import Sine, randomized

PLACEMENTS = get_args(ResidualPlacement)
EVERY = pytest.mark.parametrize("placement", PLACEMENTS)


def hu(
    placement: str,
    x: Tensor,
    branch: Callable[[Tensor], Tensor],
    shortcut: Callable[[Tensor], Tensor],
    act: Callable[[Tensor], Tensor],
) -> Tensor:
    """Figure 5."""

    def gate(y: Tensor) -> Tensor:
        return 2 * y.sin()

    match placement:
        case "standard":
            return act(gate(branch(x)) + shortcut(x))
        case "pre":
            return act(branch(gate(x)) + shortcut(x))
        case "post":
            return gate(act(branch(x) + shortcut(x)))
        case "head":
            return act(branch(x) + shortcut(x))
        case _:
            return act(branch(x) + gate(shortcut(x)))


@EVERY
@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("number", [0, 1])
@torch.no_grad()
def test_in_resnet(placement: ResidualPlacement, depth: int, number: int) -> None:
    net = randomized(ResNet(2, 1, 2, depth=depth, channels=8, attention=Sine, placement=placement))
    plain = randomized(ResNet(2, 1, 2, depth=depth, channels=8))
    unit = plain.stages[1][number]
    x = torch.randn(2, next(plain.stages[1][number].branch.parameters()).shape[1], 7, 6)
    expected = hu(placement, x, unit.branch, unit.shortcut, torch.relu)
    torch.testing.assert_close(net.stages[1][number](x), expected)


@EVERY
@pytest.mark.parametrize("number", [0, 1, 2])
@torch.no_grad()
def test_in_resnetv2(placement: ResidualPlacement, number: int) -> None:
    options = {"channels": 8, "blocks": (3,), "strides": 2}
    net = randomized(ResNetV2(3, 1, 2, **options, attention=Sine, placement=placement))
    plain = randomized(ResNetV2(3, 1, 2, **options))
    x = torch.randn(2, 32 if number else 8, 5, 6, 4)
    block = plain.stages[0][number]
    if number:
        expected = hu(placement, x, block.branch, block.shortcut, lambda y: y)
    else:  # its shortcut projects the pre-activated input, which is no part of the branch then
        expected = hu(placement, block[0](x), block[1].branch, block[1].shortcut, lambda y: y)
    torch.testing.assert_close(net.stages[0][number](x), expected)


@EVERY
@pytest.mark.parametrize("kind", [ResNet, ResNetV2])
@torch.no_grad()
def test_each_runs_once_in_every_block(kind: type[nn.Module], placement: ResidualPlacement) -> None:
    net = kind(2, 1, 2, channels=8, attention=Sine, placement=placement).eval()
    runs: Counter[str] = Counter()
    for name, module in net.named_modules():
        if isinstance(module, Sine):
            module.register_forward_hook(lambda *_, name=name: runs.update([name]))
    net(torch.randn(1, 1, 40, 40))
    assert len(runs) == (1 if placement == "head" else 3 + 4 + 6 + 3)
    assert set(runs.values()) == {1}
    assert sum(isinstance(module, Sine) for module in net.modules()) == len(runs)
    assert placement == "head" or all(name.endswith(f".{placement}") for name in runs)


@pytest.mark.parametrize("kind", [ResNet, ResNetV2])
@torch.no_grad()
def test_at_the_head_it_gates_the_map_that_is_averaged(kind: type[nn.Module]) -> None:
    net = randomized(kind(3, 1, 2, channels=8, attention=Sine, placement="head"))
    plain = randomized(kind(3, 1, 2, channels=8))
    x = torch.randn(2, 1, 40, 36, 33)
    last = plain.feature_maps(x)[-1]
    torch.testing.assert_close(net(x), plain.classifier((2 * last.sin()).mean((2, 3, 4))))
    assert not torch.allclose(net(x), plain(x))
