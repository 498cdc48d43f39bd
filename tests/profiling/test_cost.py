"""Parameters and FLOPs against numbers worked out by hand."""

import copy

import pytest
import torch
from torch import nn

from medse.attention import ATTENTION, make_attention
from medse.nets.unet import UNet
from medse.profiling.cost import cost

SHAPE = (2, 4, 6, 8)


@pytest.mark.parametrize(
    ("module", "shape", "parameters", "flops"),
    [
        (nn.Linear(8, 4), (3, 8), 8 * 4 + 4, 2 * 3 * 8 * 4),
        (nn.Conv2d(4, 6, 3, padding=1), SHAPE, 6 * 4 * 9 + 6, 2 * 6 * 4 * 9 * 2 * 6 * 8),
        (nn.Conv3d(4, 6, 3, stride=2), (1, 4, 7, 7, 9), 6 * 4 * 27 + 6, 2 * 6 * 4 * 27 * 3 * 3 * 4),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), SHAPE, 4 * 9, 2 * 9 * 2 * 4 * 6 * 8),
        (nn.ConvTranspose2d(4, 3, 2, stride=2), SHAPE, 4 * 3 * 4 + 3, 2 * 4 * 3 * 4 * 2 * 6 * 8),
        (nn.Sequential(nn.BatchNorm2d(4), nn.PReLU(), nn.MaxPool2d(2)), SHAPE, 8 + 1, 0),
        (nn.Sequential(*[nn.Linear(8, 8)] * 2), (1, 8), 72, 2 * 2 * 64),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers(module: nn.Module, shape: tuple[int, ...], parameters: int, flops: int) -> None:
    found = cost(module, shape)
    assert (found.parameters, found.flops) == (parameters, flops)


def test_the_module_stays_as_it_is_and_large_inputs_take_nothing() -> None:
    net = UNet(3, in_channels=1, out_channels=2, channels=(16, 32), attention="sse", norm="batch")
    before, trained = copy.deepcopy(net.state_dict()), [module.training for module in net.modules()]
    small, large = cost(net, (1, 1, 16, 16, 16)), cost(net, (1, 1, 512, 512, 512))
    assert [module.training for module in net.modules()] == trained
    assert net.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert large.parameters == small.parameters == sum(p.numel() for p in net.parameters())
    assert large.flops == small.flops * 32**3


def test_a_u_net_worked_out_by_hand() -> None:
    net = UNet(2, in_channels=1, out_channels=2, channels=(4, 8))
    fine, coarse = 16 * 16, 8 * 8

    def block(first: int, channels: int, voxels: int) -> int:
        return 2 * 9 * (first + channels) * channels * voxels

    down, bottom, up = block(1, 4, fine), block(4, 8, coarse), block(8, 4, fine)
    transposed, head = 2 * 8 * 4 * 4 * coarse, 2 * 4 * 2 * fine
    assert cost(net, (1, 1, 16, 16)).flops == down + bottom + transposed + up + head


@pytest.mark.parametrize(
    "name", [name for name in ATTENTION if name not in ("spse", "rgse")]
)  # traced as matrices
@pytest.mark.parametrize("shape", [(2, 64, 96, 96), (2, 64, 40, 40, 40)])
def test_a_block_counts_as_its_plain_formula(
    monkeypatch: pytest.MonkeyPatch, name: str, shape: tuple[int, ...]
) -> None:
    lean = cost(make_attention(name, len(shape) - 2, 64), shape)
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    assert lean == cost(make_attention(name, len(shape) - 2, 64), shape)
