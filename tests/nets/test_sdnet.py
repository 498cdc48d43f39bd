"""SD-Net: its sizes, the sizes it takes, and what it refuses."""

import pytest
import torch
from torch import nn

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
