"""Receptive fields against gradients, and against numbers from the literature."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from monai.networks.nets import DenseNet121
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention import ATTENTION
from medse.errors import InputError
from medse.nets.blocks import unpooling_net
from medse.nets.fcdensenet import FCDenseNet
from medse.nets.mobilenetv2 import MobileNetV2
from medse.nets.quicknat import QuickNAT
from medse.nets.resnet import ResNet
from medse.nets.sdnet import SDNet
from medse.nets.unet import UNet
from medse.profiling.receptive_field import receptive_field


class Do(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def smoothed(module: nn.Module) -> nn.Module:
    """Replace everything whose gradient is 0 somewhere by something that sees the same and is positive."""
    for name, child in module.named_children():
        if "Norm" in type(child).__name__:
            setattr(module, name, nn.Identity())
        elif isinstance(child, nn.MaxPool2d | nn.MaxPool3d):
            kind = nn.AvgPool2d if isinstance(child, nn.MaxPool2d) else nn.AvgPool3d
            setattr(module, name, kind(child.kernel_size, child.stride, child.padding, child.ceil_mode))
        else:
            smoothed(child)
    return module


def measured(net: nn.Module, shape: tuple[int, ...], period: int) -> tuple[int, ...]:
    """Return the largest extent of the gradient of an output voxel, over a period of voxels in the middle."""
    net = smoothed(net).double().eval()
    for parameter in net.parameters():
        nn.init.constant_(parameter.data, 1.0)
    x = torch.ones(shape, dtype=torch.float64, requires_grad=True)
    y = net(x)
    largest = [0] * (len(shape) - 2)
    for step in range(period):
        at = tuple(min(n // 2 + step, n - 1) for n in y.shape[2:])
        (gradient,) = torch.autograd.grad(y[(0, slice(None), *at)].sum(), x, retain_graph=True)
        where = gradient[0].sum(0).nonzero()
        spread = (where.amax(0) - where.amin(0) + 1).tolist()
        largest = [max(pair) for pair in zip(largest, spread, strict=True)]
    return tuple(largest)


FLAT, SOLID = (1, 1, 128, 128), (1, 1, 44, 44, 44)


def lopsided(x: Tensor) -> Tensor:
    """Look around a voxel and far to one side of it, so that a shift of either shows."""
    kernel = torch.ones(1, 1, 3, 3, dtype=x.dtype, device=x.device)
    spread = F.conv_transpose2d(F.avg_pool2d(x, 2), kernel, stride=2)[..., :-1, :-1]
    enlarged = F.interpolate(F.avg_pool2d(x, 2), scale_factor=2, mode="bilinear")
    return torch.cat([spread, enlarged, F.pad(x, (9, -9, 7, -7))], 1)


@pytest.mark.parametrize(
    ("net", "shape", "period"),
    [
        (nn.Conv2d(1, 1, 3, padding=2, dilation=2), FLAT, 1),
        (nn.Conv2d(1, 1, (3, 5), stride=(1, 3), padding=1), FLAT, 1),
        (nn.Sequential(nn.Conv2d(1, 1, 3, 2), nn.ConvTranspose2d(1, 1, 3, 2)), FLAT, 4),
        (nn.Sequential(nn.Conv2d(1, 1, 2, 2), nn.ConvTranspose2d(1, 1, 5, 2, 2, 1, dilation=3)), FLAT, 6),
        (nn.Sequential(nn.Conv2d(1, 1, 4, 4), nn.Upsample(scale_factor=3, mode="bilinear")), FLAT, 12),
        (nn.Sequential(nn.MaxPool2d(3, 2, 1, ceil_mode=True), nn.Conv2d(1, 1, 3)), FLAT, 2),
        (nn.Sequential(nn.ZeroPad2d((3, 0, 0, 2)), nn.Conv2d(1, 1, 3, 2)), FLAT, 2),
        (
            Do(lambda x: F.avg_pool2d(x, 4)[..., ::2, 1:-1] + F.pad(x, (-4, 0))[..., ::8, ::4][..., 1:]),
            FLAT,
            4,
        ),
        (Do(lopsided), FLAT, 2),
        (UNet(2, 1, 2, channels=(2, 2, 2)), FLAT, 8),
        (UNet(2, 1, 2, channels=(2, 2), variant="residual", kernel_size=5), FLAT, 4),
        (UNet(2, 1, 2, channels=(2, 2, 2), upsampling="linear", downsampling="max"), FLAT, 8),
        (UNet(2, 1, 2, channels=(2, 2), strides=3, upsampling="linear", activation="relu_first"), FLAT, 9),
        (
            UNet(
                3, 1, 2, channels=(2, 2, 2), blocks=1, strides=((1, 2, 2), 2), kernel_size=((1, 3, 3), 3, 3)
            ),
            SOLID,
            4,
        ),
        (UNet(3, 1, 2, channels=(2, 2, 2), blocks=1, variant="residual_encoder", norm="batch"), SOLID, 4),
        (FCDenseNet(2, 1, 2, depth=3, layers=1, growth=2, init_channels=2), FLAT, 8),
        (FCDenseNet(2, 1, 2, block="roy", depth=3, growth=2, upsampling="linear"), FLAT, 8),
        (SDNet(2, 1, 2, channels=(2, 2, 2), kernel_size=3), FLAT, 16),
        (SDNet(3, 1, 2, channels=(2, 2), strides=((1, 2, 2), 2), kernel_size=3), SOLID, 8),
        (QuickNAT(2, 1, 2, channels=2, kernel_size=3, strides=(2, 2, 1, 1)), FLAT, 8),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_the_field_is_the_reach_of_the_gradient(
    monkeypatch: pytest.MonkeyPatch, net: nn.Module, shape: tuple[int, ...], period: int
) -> None:
    found = receptive_field(net, len(shape) - 2, shape[1])
    average = F.avg_pool2d if len(shape) == 4 else F.avg_pool3d
    monkeypatch.setattr(unpooling_net, "max_pool", lambda x, size: (average(x, size), x))
    monkeypatch.setattr(unpooling_net, "max_unpool", lambda x, _, spatial: F.interpolate(x, tuple(spatial)))
    assert max(found) < min(shape[2:]), "the image limits what is measured"
    assert found == measured(net, shape, period)


@pytest.mark.parametrize(
    ("net", "field"),
    [
        (ResNet(2, 3, 10, depth=18, channels=8), 435),
        (ResNet(2, 3, 10, depth=34, channels=8), 899),
        (ResNet(2, 3, 10, depth=50, channels=8), 427),
        (MobileNetV2(2, 3, 10), 491),
        (DenseNet121(2, 3, 10), 2071),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_published_fields_of_classifiers_are_those_before_their_global_pooling(
    net: nn.Module, field: int
) -> None:
    assert receptive_field(net, 2, 3) == (field, field)


def test_a_field_longer_than_what_is_tried_first() -> None:
    assert receptive_field(nn.Sequential(*[nn.Conv2d(1, 1, 3, padding=300, dilation=300)] * 5), 2, 1) == (
        3001,
        3001,
    )


@pytest.mark.parametrize("norm", ["instance", "batch", "group"])
def test_writing_in_place_is_seen_by_all_that_share_the_memory(norm: str) -> None:
    def added(x: Tensor) -> Tensor:
        y = F.instance_norm(x)  # a view of what the normalisation returns
        y += F.avg_pool2d(x, 5, 1, 2)
        return y

    def read_elsewhere(x: Tensor) -> Tensor:
        y = x * 2
        before = y.view(y.shape)
        y += F.avg_pool2d(x, 5, 1, 2)
        return before

    assert receptive_field(Do(added), 2, 1) == receptive_field(Do(read_elsewhere), 2, 1) == (5, 5)
    net = UNet(2, 1, 2, channels=(8, 8), variant="residual", norm=norm)
    assert receptive_field(net, 2, 1) == receptive_field(
        UNet(2, 1, 2, channels=(8, 8), variant="residual"), 2, 1
    )


@pytest.mark.parametrize(
    ("function", "pattern"),
    [
        (lambda x: x.transpose(2, 3), "the operator aten.transpose.int in a way for which there is no rule"),
        (lambda x: F.conv2d(x, torch.ones(1, 1, 2, 1, device="meta"), dilation=(x.shape[2] - 1, 1)), "grows"),
        (lambda x: x.mean(2), "aten.mean.dim"),
        (lambda x: x.mean(), "aten.mean.default"),
        (lambda x: torch.cat([x, x], 2), "aten.cat"),
        (lambda x: x.flatten(2)[:, :, 1:], "aten.slice"),
        (lambda x: F.pad(x.flatten(2), (1, -1)), "aten.constant_pad_nd"),
        (lambda x: F.conv2d(x, x[:, :, :3, :3]), "aten.convolution"),
        (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True), "aten.upsample"),
        (lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), "aten.max_unpool2d"),
        (lambda x: x.new_zeros(x.shape).flatten(2).scatter(2, x.flatten(2).long(), x.flatten(2)), "aten"),
        (lambda x: x * x.mean((2, 3), keepdim=True), "aten.mul.Tensor brings the result of a global pooling"),
        (lambda x: torch.mul(x, 2, out=x.new_zeros(2, *x.shape)[1]), "writes to a part"),
    ],
)
def test_what_has_no_rule_is_refused(function: Callable[[Tensor], Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        receptive_field(Do(function), 2, 1)


@pytest.mark.parametrize("attention", ATTENTION)
def test_attention_sees_the_whole_image_or_is_refused(attention: str) -> None:
    with pytest.raises(InputError, match="The receptive field of the module cannot be found; "):
        receptive_field(UNet(2, 1, 2, channels=(32, 32), attention=attention), 2, 1)


def test_a_constant_sees_nothing() -> None:
    assert receptive_field(Do(lambda x: x.new_zeros(x.shape)), 2, 1) == (0, 0)
