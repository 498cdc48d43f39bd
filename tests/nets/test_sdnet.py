"""SD-Net: its sizes, the sizes it takes, and what it refuses."""

from typing import Any

import pytest
import torch
from torch import nn

from medse.attention import ATTENTION
from medse.errors import InputError
from medse.nets.sdnet import SDNet


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("levels", "kernel_size", "count"),
    [
        (3, 3, 335_523),
        (3, 5, 926_371),
        (3, 7, 1_812_643),
        (4, 3, 446_501),
        (4, 5, 1_233_957),
        (4, 7, 2_415_141),
    ],
)
def test_parameters_are_those_of_the_released_blocks(levels: int, kernel_size: int, count: int) -> None:
    assert parameters(SDNet(2, 1, 28, channels=(64,) * levels, kernel_size=kernel_size)) == count


def test_attention_of_the_paper_adds_eight_blocks() -> None:
    plain, scse = SDNet(2, 1, 28), SDNet(2, 1, 28, attention="scse")
    assert parameters(plain) == 1_233_957
    assert parameters(scse) - parameters(plain) == 8 * 4257


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_parameters_in_closed_form(spatial_dims: int) -> None:
    weights = 3**spatial_dims
    blocks = [(2, 4), (4, 6), (6, 6), (2 * 6, 4), (2 * 4, 4)]
    expected = sum(weights * before * width + width + 1 + 2 * width for before, width in blocks) + 4 * 3 + 3
    assert parameters(SDNet(spatial_dims, 2, 3, channels=(4, 6), kernel_size=3)) == expected


@pytest.mark.parametrize(
    ("spatial", "options", "stride"),
    [
        ((21, 17), {"channels": (8, 16, 16)}, (8, 8)),
        (
            (9, 30),
            {"channels": (8, 16), "strides": ((1, 2), (3, 2)), "kernel_size": ((1, 3), 3, (5, 3))},
            (3, 4),
        ),
        ((13, 11, 9), {"channels": (8, 16)}, (4, 4, 4)),
        (
            (5, 11, 12),
            {"channels": (8, 16), "strides": ((1, 2, 2), 2), "kernel_size": ((1, 3, 3), 3, 3)},
            (2, 4, 4),
        ),
        ((3, 2, 1), {"channels": (8,), "norm": "group"}, (2, 2, 2)),
        ((7, 6, 5), {"channels": (8, 8), "norm": "instance", "attention": "scse", "dropout": 0.5}, (4, 4, 4)),
    ],
)
def test_any_size_keeps_its_shape(
    spatial: tuple[int, ...], options: dict[str, Any], stride: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    net = SDNet(len(spatial), 2, 3, **options).train()
    assert net.stride == stride
    y = net(torch.randn(2, 2, *spatial))
    assert y.shape == (2, 3, *spatial)
    y.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_each_resolution_has_its_kernel_and_the_deepest_block_the_last() -> None:
    net = SDNet(2, 1, 2, channels=(4, 6), kernel_size=((1, 3), (5, 3), 7))
    kernels = [tuple(m.kernel_size) for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert kernels == [(1, 3), (5, 3), (7, 7), (5, 3), (1, 3), (1, 1)]


def test_the_decoder_unpools_to_where_the_maxima_were() -> None:
    """With blocks that copy, each decoder sees a map that is the skipped one at its maxima and 0 elsewhere."""
    net = SDNet(2, 1, 2, channels=(1, 1), kernel_size=1)
    for block in [*(e.layers for e in net.encoders), net.bottleneck]:
        block[0] = nn.Identity()
    seen: list[torch.Tensor] = []
    for decoder in net.decoders:
        decoder.layers[0] = nn.Conv2d(2, 1, 1, bias=False)
        decoder.layers[0].weight.data = torch.tensor([0.0, 1.0]).reshape(
            1, 2, 1, 1
        )  # copies the unpooled map
        decoder.layers[0].register_forward_hook(lambda _, given, __: seen.append(given[0]))
    x = torch.arange(1.0, 65.0).reshape(1, 1, 8, 8)
    net(x)
    skipped, unpooled = seen[1].unbind(1)
    at_maxima = torch.zeros(8, 8)
    at_maxima[3::4, 3::4] = x[0, 0, 3::4, 3::4]
    assert torch.equal(skipped[0], x[0, 0])
    assert torch.equal(unpooled[0], at_maxima)


def test_a_block_is_convolution_prelu_norm() -> None:
    kinds = [
        type(m).__name__ for m in SDNet(3, 1, 2, channels=(8,)).bottleneck.modules() if not list(m.children())
    ]
    assert kinds == ["Conv3d", "PReLU", "BatchNorm3d", "Identity"]


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("encoder", ["encoders.0.layers.1", "encoders.1.layers.1"]),
        ("bottleneck", ["bottleneck.1"]),
        ("skip", ["skips.0", "skips.1"]),
        ("decoder", ["decoders.0.layers.1", "decoders.1.layers.1"]),
    ],
)
def test_attention_stands_where_it_is_placed(place: Any, names: list[str]) -> None:
    net = SDNet(2, 1, 2, channels=(8, 16), attention="cse", placement=(place,))
    assert [name for name, m in net.named_modules() if isinstance(m, ATTENTION["cse"])] == names
    untouched = SDNet(2, 1, 2, channels=(8, 16))
    with torch.no_grad():
        state = {k: v for k, v in net.state_dict().items() if k in untouched.state_dict()}
        untouched.load_state_dict(state)
        x = torch.randn(1, 1, 8, 8)
        assert not torch.equal(net.eval()(x), untouched.eval()(x))


def test_attention_on_the_skip_sees_the_map_that_is_skipped_alone() -> None:
    seen: list[str] = []

    class Zero(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(str(tuple(x.shape)))
            return 0 * x

    net = SDNet(2, 1, 2, channels=(4, 6), attention=lambda _, __: Zero(), placement=("skip",)).eval()
    given: list[torch.Tensor] = []
    net.decoders[1].layers.register_forward_hook(lambda _, args, __: given.append(args[0]))
    net(torch.randn(1, 1, 8, 8))
    assert seen == ["(1, 6, 4, 4)", "(1, 4, 8, 8)"]
    assert not given[0][:, :4].any()
    assert given[0][:, 4:].any()


def test_deep_supervision_returns_finest_first_only_while_training() -> None:
    net = SDNet(3, 2, 3, channels=(4, 6, 8), deep_supervision=True)
    x = torch.randn(2, 2, 16, 8, 8)
    assert [tuple(level.shape) for level in net.train()(x)] == [
        (2, 3, 16, 8, 8),
        (2, 3, 8, 4, 4),
        (2, 3, 4, 2, 2),
    ]
    assert net.eval()(x).shape == (2, 3, 16, 8, 8)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"spatial_dims": 4}, "spatial_dims is 4; allowed are 2 and 3"),
        ({"channels": ()}, r"channels is \(\); each must be above 0"),
        ({"channels": (8, 0)}, r"channels is \(8, 0\); each must be above 0"),
        ({"channels": (8, 8), "kernel_size": (3, 3)}, "kernel_size has 2 entries; this network needs 3"),
        ({"kernel_size": 4}, "kernel_size is 4; each length must be odd"),
        ({"channels": (8, 8), "strides": (2, 2, 2)}, "strides has 3 entries; this network needs 2"),
        ({"dropout": 1.0}, "dropout is 1.0; allowed is a share from 0 to below 1"),
        (
            {"channels": (8, 8), "attention": {"name": "cse", "reduction": 9}},
            "reduction 9 does not fit 8 channels",
        ),
    ],
)
def test_bad_options_are_explained(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        SDNet(options.pop("spatial_dims", 2), 1, 2, **options)
