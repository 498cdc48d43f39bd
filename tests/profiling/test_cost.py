"""Parameters and FLOPs against numbers worked out by hand."""

import copy
from collections.abc import Callable
from math import prod

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention import ATTENTION, make_attention
from medse.errors import InputError
from medse.nets.unet import UNet
from medse.profiling.cost import cost

SHAPE = (2, 4, 6, 8)
N = prod(SHAPE)


ONES = torch.ones(SHAPE)


class Do(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


@pytest.mark.parametrize(
    ("module", "shape", "parameters", "flops"),
    [
        (nn.Linear(8, 4), (3, 8), 8 * 4 + 4, 2 * 3 * 8 * 4),
        (nn.Conv2d(4, 6, 3, padding=1), SHAPE, 6 * 4 * 9 + 6, 2 * 6 * 4 * 9 * 2 * 6 * 8),
        (nn.Conv3d(4, 6, 3, stride=2), (1, 4, 7, 7, 9), 6 * 4 * 27 + 6, 2 * 6 * 4 * 27 * 3 * 3 * 4),
        (nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False), SHAPE, 4 * 9, 2 * 9 * N),
        (nn.ConvTranspose2d(4, 3, 2, stride=2), SHAPE, 4 * 3 * 4 + 3, 2 * 4 * 3 * 4 * 2 * 6 * 8),
        (nn.BatchNorm2d(4), SHAPE, 8, 2 * N),
        (nn.InstanceNorm2d(4, affine=True), SHAPE, 8, 6 * N),
        (nn.GroupNorm(2, 4), SHAPE, 8, 6 * N),
        (nn.PReLU(), SHAPE, 1, N),
        (nn.Hardswish(), SHAPE, 0, N),
        (nn.Softmax(dim=1), SHAPE, 0, 5 * N),
        (nn.Dropout(0.5), SHAPE, 0, 0),
        (nn.MaxPool2d(2), SHAPE, 0, N),
        (nn.AvgPool2d(3, stride=1, padding=1), SHAPE, 0, 9 * N),
        (nn.AdaptiveAvgPool2d(1), SHAPE, 0, N),
        (nn.AdaptiveAvgPool2d((4, 3)), SHAPE, 0, 2 * 4 * (2 + 2 + 2 + 2) * (3 + 4 + 3)),
        (nn.Upsample(scale_factor=2), SHAPE, 0, 0),
        (nn.Upsample(scale_factor=2, mode="bilinear"), SHAPE, 0, 2 * 4 * 4 * N),
        (nn.Sequential(*[nn.Linear(8, 8)] * 2), (1, 8), 72, 2 * 2 * 64),
        (nn.Identity(), SHAPE, 0, 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers(module: nn.Module, shape: tuple[int, ...], parameters: int, flops: int) -> None:
    found = cost(module, shape)
    assert (found.parameters, found.flops) == (parameters, flops)


@pytest.mark.parametrize(
    ("function", "flops"),
    [
        (lambda x: x * ONES, N),
        (lambda x: x.sigmoid_().mul_(ONES), 2 * N),
        (lambda x: torch.add(x, ONES, out=torch.empty_like(x)), N),
        (lambda x: torch.addcmul(x, x, ONES), 2 * N),
        (lambda x: torch.lerp(x, ONES, ONES), 3 * N),
        (lambda x: x + (torch.arange(8.0) // 3).sort()[0] @ torch.ones(8, 8), N),
        (lambda x: x // 3, N),
        (lambda x: x * x.mean((2, 3), keepdim=True), 2 * N),
        (lambda x: torch.amax(x, 1), N),
        (lambda x: torch.sum(x, 1, out=torch.empty_like(x[:, 0])), N),
        (lambda x: torch.var_mean(x, 1)[0], 4 * N),
        (lambda x: torch.cat([x[:, ::2], x.flip(1)], 1).permute(0, 2, 3, 1).reshape(2, -1).double(), 0),
        (lambda x: x.flatten(2) @ ONES.flatten(2).mT, 2 * 2 * 4 * 4 * 48),
        (lambda x: x.reshape(-1, 8) @ ONES[0, 0, 0], 2 * N),
        (lambda x: F.scaled_dot_product_attention(x, x, ONES), 2 * 2 * 2 * 4 * 6 * 6 * 8),
    ],
)
def test_operators(function: Callable[[Tensor], Tensor], flops: int) -> None:
    assert cost(Do(function), SHAPE).flops == flops


def test_in_parts_or_whole_in_place_or_not_the_count_is_the_same() -> None:
    def whole(x: Tensor) -> Tensor:
        return torch.maximum(x * ONES, x * 2) * x.mean((2, 3), keepdim=True)

    def in_parts(x: Tensor) -> Tensor:
        y = torch.empty_like(x)
        for i in range(4):
            torch.mul(x[:, i], ONES[:, i], out=y[:, i])
            torch.maximum(y[:, i], x[:, i] * 2, out=y[:, i])
            y[:, i].mul_(x[:, i].mean((1, 2), keepdim=True))
        return y

    assert cost(Do(whole), SHAPE) == cost(Do(in_parts), SHAPE)
    assert cost(Do(whole), SHAPE).flops == 5 * N


def test_the_module_stays_as_it_is_and_large_inputs_take_nothing() -> None:
    net = UNet(3, in_channels=1, out_channels=2, channels=(16, 32), attention="se", norm="batch")
    before, trained = copy.deepcopy(net.state_dict()), [module.training for module in net.modules()]
    small, large = cost(net, (1, 1, 16, 16, 16)), cost(net, (1, 1, 512, 512, 512))
    assert [module.training for module in net.modules()] == trained
    assert net.state_dict().keys() == before.keys()
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert large.parameters == small.parameters == sum(p.numel() for p in net.parameters())
    assert large.flops == pytest.approx(small.flops * 32**3, rel=1e-3)


def test_a_u_net_worked_out_by_hand() -> None:
    net = UNet(2, in_channels=1, out_channels=2, channels=(4, 8))
    fine, coarse = 16 * 16, 8 * 8
    norm_act = 6 + 1  # instance norm and leaky ReLU per element

    def block(first: int, channels: int, voxels: int) -> int:
        return 2 * 9 * (first + channels) * channels * voxels + 2 * norm_act * channels * voxels

    down, bottom, up = block(1, 4, fine), block(4, 8, coarse), block(8, 4, fine)
    transposed, head = 2 * 8 * 4 * 4 * coarse, 2 * 4 * 2 * fine
    assert cost(net, (1, 1, 16, 16)).flops == down + bottom + transposed + up + head


def test_an_operator_without_a_rule_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"it uses the operator aten.sort.\w+, for which there is no rule; allowed"
    ):
        cost(Do(lambda x: x.sort(dim=1)[0]), SHAPE)


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
    assert lean.flops == pytest.approx(cost(make_attention(name, len(shape) - 2, 64), shape).flops, rel=0.15)
