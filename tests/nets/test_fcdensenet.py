"""The fully convolutional DenseNet: its structure, its counts, and a forward pass written out by hand."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.nets.blocks.dense import DenseBlock, DenseLayers
from medse.nets.blocks.encoder_decoder import AS_ROY
from medse.nets.fcdensenet import FCDenseNet
from tests.support.randomized import Sine, randomized

TINY: dict[str, dict[str, Any]] = {
    "tiramisu": {"depth": 3, "growth": 3, "layers": (2, 1, 2), "init_channels": 5},
    "roy": {"block": "roy", "depth": 3, "growth": 4},
}
PUBLISHED: dict[int, dict[str, Any]] = {
    56: {"depth": 6},
    67: {"depth": 6, "growth": 16, "layers": 5},
    103: {"depth": 6, "growth": 16, "layers": (4, 5, 7, 10, 12, 15)},
}


@pytest.mark.parametrize("kind", TINY)
@pytest.mark.parametrize("upsampling", ["transposed", "linear"])
@pytest.mark.parametrize(
    ("size", "options", "stride"),
    [
        ((9, 13), {}, (4, 4)),
        ((7, 5, 3), {}, (4, 4, 4)),
        ((11, 6), {"strides": ((3, 1), 2), "kernel_size": ((3, 1), 3, 5)}, (6, 2)),
        ((6, 9, 5), {"strides": ((2, 2, 1), (4, 3, 2)), "kernel_size": ((3, 3, 1), 3, 3)}, (8, 6, 2)),
    ],
)
@torch.no_grad()
def test_any_size_keeps_its_shape(
    kind: str, upsampling: Any, size: tuple[int, ...], options: Any, stride: tuple[int, ...]
) -> None:
    net = FCDenseNet(len(size), 2, 4, **TINY[kind], upsampling=upsampling, **options).eval()
    assert net.stride == stride
    assert net(torch.randn(2, 2, *size)).shape == (2, 4, *size)
    inside = net(torch.randn(1, 2, *stride))  # a single voxel at the bottleneck
    assert inside.shape == (1, 4, *stride)


def test_the_maps_of_fc_densenet103_are_those_of_its_authors() -> None:
    stacks, given = [], []

    def note(block: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> None:
        new = sum(m.out_channels for m in block.modules() if isinstance(m, nn.Conv2d))
        stacks.append(inputs[0].shape[1] + new)
        given.append(out.shape[1])

    with torch.device("meta"):
        net = FCDenseNet(2, 3, 11, **PUBLISHED[103])
        for module in net.modules():
            if isinstance(module, DenseLayers):
                module.register_forward_hook(note)
        net(torch.zeros(1, 3, 64, 32))
    # Table 2 of the paper, with the correction of the authors' README from the bottleneck on
    assert stacks == [112, 192, 304, 464, 656, 896, 1088, 816, 576, 384, 256]
    assert given == [112, 192, 304, 464, 656, 240, 192, 160, 112, 80, 256]


@pytest.mark.parametrize(("convolutions", "millions"), [(56, 1.4), (67, 3.5), (103, 9.4)])
def test_published_depths_and_counts(convolutions: int, millions: float) -> None:
    with torch.device("meta"):
        net = FCDenseNet(2, 3, 11, **PUBLISHED[convolutions])
    weights = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    kernels = [m.kernel_size[0] for m in weights]
    assert len(weights) == convolutions
    assert kernels.count(1) == 5 + 1
    # The authors count the running mean and variance too.
    values = sum(v.numel() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked"))
    assert round(values / 1e6, 1) == millions


@pytest.mark.parametrize("placement", [AS_ROY, ("bottleneck", "skip")])
@pytest.mark.parametrize(
    ("size", "kernel_size", "steps"),
    [((8, 6), (3, (1, 3), 5), ((2, 1), (2, 3))), ((4, 8, 6), ((3, 3, 1), 3, 3), ((1, 2, 2), (2, 2, 1)))],
)
@torch.no_grad()
def test_forward_of_the_tiramisu(placement: Any, size: Any, kernel_size: Any, steps: Any) -> None:
    dims = len(size)
    net = FCDenseNet(
        dims,
        2,
        4,
        **TINY["tiramisu"],
        kernel_size=kernel_size,
        strides=steps,
        attention=Sine,
        placement=placement,
    )
    s = randomized(net).state_dict()
    convolve: Callable[..., Tensor] = getattr(F, f"conv{dims}d")
    pool: Callable[..., Tensor] = getattr(F, f"max_pool{dims}d")

    def same(x: Tensor, key: str) -> Tensor:
        weight = s[f"{key}.conv.weight"]
        return convolve(x, weight, padding=[k // 2 for k in weight.shape[2:]])

    def unit(x: Tensor, key: str) -> Tensor:
        shape = (-1, *[1] * dims)
        mean, var, scale, shift = (
            s[f"{key}.0.N.{of}"].reshape(shape) for of in ("running_mean", "running_var", "weight", "bias")
        )
        return same(((x - mean) / (var + 1e-5).sqrt() * scale + shift).clamp(min=0), f"{key}.1")

    def two(x: Tensor, key: str) -> tuple[Tensor, Tensor]:
        a = unit(x, f"{key}.layers.0")
        return a, unit(torch.cat((x, a), 1), f"{key}.layers.1")

    def up(x: Tensor, key: str, step: tuple[int, ...]) -> Tensor:
        """Spread the voxels, then convolve with the mirrored kernel."""
        weight = s[f"{key}.deconv.weight"]
        assert weight.shape[2:] == tuple({1: 1, 2: 3, 3: 3}[n] for n in step)
        sparse = x.new_zeros(*x.shape[:2], *(n * by for n, by in zip(x.shape[2:], step, strict=True)))
        spread: Any = (..., *(slice(None, None, by) for by in step))
        sparse[spread] = x
        mirrored = weight.transpose(0, 1).flip(tuple(range(2, 2 + dims)))
        return convolve(sparse, mirrored, padding=[k // 2 for k in weight.shape[2:]])

    def weigh(x: Tensor, place: str) -> Tensor:
        return 2 * x.sin() if place in placement else x

    x = torch.randn(2, 2, *size)
    first = same(x, "encoders.0.0")
    fine = weigh(torch.cat((first, *two(first, "encoders.0.1")), 1), "encoder")
    below = pool(unit(fine, "encoders.1.0"), steps[0])
    middle = weigh(torch.cat((below, unit(below, "encoders.1.2.layers.0")), 1), "encoder")
    below = pool(unit(middle, "encoders.2.0"), steps[1])
    new = weigh(torch.cat(two(below, "encoders.2.2"), 1), "bottleneck")
    stack = torch.cat((weigh(middle, "skip"), up(new, "ups.0", steps[1])), 1)
    new = weigh(unit(stack, "decoders.0.0.layers.0"), "decoder")
    stack = torch.cat((weigh(fine, "skip"), up(new, "ups.1", steps[0])), 1)
    last = weigh(torch.cat((stack, *two(stack, "decoders.1.0")), 1), "decoder")
    logits = same(last, "heads.0") + s["heads.0.conv.bias"].reshape(-1, *[1] * dims)
    torch.testing.assert_close(net(x), logits, rtol=1e-4, atol=1e-4 * float(logits.abs().max()))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("placement", [AS_ROY, ("bottleneck", "skip")])
@torch.no_grad()
def test_forward_with_the_block_of_roy(dims: int, placement: Any) -> None:
    net = FCDenseNet(dims, 2, 4, **TINY["roy"], upsampling="linear", attention=Sine, placement=placement)
    randomized(net)
    enc0, enc1, deepest, dec1, dec0 = [m for m in net.modules() if isinstance(m, DenseBlock)]
    pool: Callable[..., Tensor] = getattr(F, f"max_pool{dims}d")

    def up(x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2, mode="bilinear" if dims == 2 else "trilinear")

    def weigh(x: Tensor, place: str) -> Tensor:
        return 2 * x.sin() if place in placement else x

    x = torch.randn(2, 2, *(8, 12, 4)[:dims])
    fine = weigh(enc0(x), "encoder")
    middle = weigh(enc1(pool(fine, 2)), "encoder")
    low = weigh(deepest(pool(middle, 2)), "bottleneck")
    low = weigh(dec1(torch.cat((weigh(middle, "skip"), up(low)), 1)), "decoder")
    low = weigh(dec0(torch.cat((weigh(fine, "skip"), up(low)), 1)), "decoder")
    torch.testing.assert_close(net(x), net.heads[0](low))


def test_dropout_stands_where_the_papers_have_it() -> None:
    def drops(kind: str, dropout: float) -> list[str]:
        net = FCDenseNet(3, 1, 2, **TINY[kind], dropout=dropout)
        found = {n: m for n, m in net.named_modules() if isinstance(m, nn.Dropout | nn.Dropout3d)}
        assert all(m.p == dropout for m in found.values())
        assert {type(m) for m in found.values()} <= {nn.Dropout if kind == "tiramisu" else nn.Dropout3d}
        return list(found)

    assert drops("tiramisu", 0.0) == drops("roy", 0.0) == []
    assert len(drops("tiramisu", 0.2)) == (2 + 1 + 2 + 1 + 2) + 2  # layers, transitions down
    assert drops("roy", 0.2) == ["encoders.0.2", "encoders.1.3", "decoders.0.2", "decoders.1.2"]


def test_group_norm_divides_what_channels_there_are() -> None:
    net = FCDenseNet(2, 1, 2, depth=2, growth=6, init_channels=8, layers=1, norm="group")
    assert net(torch.randn(1, 1, 8, 8)).shape == (1, 2, 8, 8)
    groups = {m.num_channels: m.num_groups for m in net.modules() if isinstance(m, nn.GroupNorm)}
    assert groups[8] == 8
    assert groups[14] == 2
