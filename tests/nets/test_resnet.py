"""ResNet: published counts, anisotropic options, refusals."""

from typing import Any

import pytest
import torch
from torch import nn

from medse.attention import Attention, make_attention
from medse.nets.resnet import ResNet
from medse.profiling.cost import cost

KERNELS = {256: 3, 512: 5, 1024: 5, 2048: 7}
GRIDS = {256: 8, 512: 4, 1024: 2, 2048: 1}


def eca(spatial_dims: int, channels: int) -> nn.Module:
    return make_attention({"name": "eca", "kernel_size": KERNELS[channels]}, spatial_dims, channels)


def rgse(spatial_dims: int, channels: int) -> nn.Module:
    return make_attention({"name": "rgse", "grid": GRIDS[channels]}, spatial_dims, channels)


@pytest.mark.parametrize(
    ("attention", "parameters"),
    [
        (None, 25_557_032),
        (eca, 25_557_032 + 80),
        ("se", 25_557_032 + 2_514_944 + 16_048),
        ({"name": "se", "bias": False}, 25_557_032 + 2_514_944),
        ("spse", 28_480_728),
        (rgse, 28_212_440),
    ],
)
def test_published_counts_of_50_layers(attention: Attention, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in ResNet(2, 3, 1000, attention=attention).parameters()) == parameters


@pytest.mark.parametrize(("depth", "parameters"), [(18, 11_689_512), (34, 21_797_672)])
def test_published_counts_of_basic_blocks(depth: Any, parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in ResNet(2, 3, 1000, depth=depth).parameters()) == parameters


@torch.no_grad()
def test_an_axis_of_step_1_keeps_its_slices_apart_until_the_blocks() -> None:
    flat = ((1, 2, 2), (1, 2, 2), 1, (1, 2, 2), (1, 2, 2), 2)
    net = ResNet(3, 1, 2, depth=18, channels=8, strides=flat, kernel_size=(1, 3, 3)).eval()
    maps: list[torch.Tensor] = []
    for stage in (net.pool, *net.stages):
        stage.register_forward_hook(lambda _, __, out: maps.append(out))
    x = torch.randn(1, 1, 5, 40, 33)
    net(x)
    sizes = [(5, 10, 9), (5, 10, 9), (5, 5, 5), (5, 3, 3), (3, 2, 2)]
    assert [tuple(map_.shape[2:]) for map_ in maps] == sizes
    assert net.stride == (2, 32, 32)
    assert {m.kernel_size for m in net.stages.modules() if isinstance(m, nn.Conv3d)} == {(1, 3, 3), (1, 1, 1)}
    stem = net.stem(x)
    slices = [nn.functional.max_pool2d(stem[:, :, z], 3, 2, 1) for z in range(5)]
    torch.testing.assert_close(net.pool(stem), torch.stack(slices, dim=2))


def test_flops_are_those_published() -> None:
    found = cost(ResNet(2, 3, 1000), (1, 3, 224, 224)).flops
    assert found / 2 == pytest.approx(4.09e9, rel=0.01)  # torchvision's table, in multiply-adds
