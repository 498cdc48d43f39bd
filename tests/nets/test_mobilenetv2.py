"""MobileNetV2: published counts, a transcription of the whole network, refusals."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention import Attention
from medse.nets.mobilenetv2 import MobileNetV2
from tests.support.randomized import Sine, randomized


@pytest.mark.parametrize(
    ("options", "parameters"),
    [({}, 3_504_872), ({"attention": "coord"}, 3_950_648), ({"width": 0.5}, 1_968_680)],
)
def test_published_counts(options: dict[str, Any], parameters: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in MobileNetV2(2, 3, 1000, **options).parameters()) == parameters


def transcribed(x: Tensor, state: dict[str, Tensor], spatial_dims: int, *, gated: bool) -> Tensor:
    """Table 2 of the paper, with the tensors in the order of the network."""
    tensors: Iterator[Tensor] = iter([t for name, t in state.items() if not name.endswith("tracked")])
    convolve = {2: F.conv2d, 3: F.conv3d}[spatial_dims]

    def conv(x: Tensor, *, stride: int = 1, depthwise: bool = False, linear: bool = False) -> Tensor:
        weight = next(tensors)
        groups = x.shape[1] if depthwise else 1
        x = convolve(x, weight, None, stride, weight.shape[-1] // 2, 1, groups)
        gamma, beta, mean, var = (next(tensors).reshape(-1, *(1,) * spatial_dims) for _ in range(4))
        x = (x - mean) / (var + 1e-5).sqrt() * gamma + beta
        return x if linear else x.clamp(0, 6)

    x = conv(x, stride=2)
    for n, s, expands in [(1, 1, 0), (2, 2, 1), (3, 2, 1), (4, 2, 1), (3, 1, 1), (3, 2, 1), (1, 1, 1)]:
        for i in range(n):
            y = conv(x) if expands else x
            y = conv(y, stride=1 if i else s, depthwise=True)
            y = 2 * y.sin() if gated and expands else y
            y = conv(y, linear=True)
            x = x + y if x.shape == y.shape else y
    x = conv(x).flatten(2).mean(2)
    return x @ next(tensors).T + next(tensors)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("attention", [None, Sine])
@torch.no_grad()
def test_forward_with_attention_before_each_projection_that_follows_an_expansion(
    spatial_dims: int, attention: Attention
) -> None:
    net = randomized(MobileNetV2(spatial_dims, 2, 3, width=0.25, attention=attention)).double()
    x = torch.randn(2, 2, *(37, 40, 33)[:spatial_dims]).double()
    expected = transcribed(x, net.state_dict(), spatial_dims, gated=attention is not None)
    torch.testing.assert_close(net(x), expected)
    assert sum(isinstance(module, Sine) for module in net.modules()) == (16 if attention else 0)


@torch.no_grad()
def test_anisotropic_volumes() -> None:
    flat = ((1, 2, 2), 1, (1, 2, 2), (1, 2, 2), 2, 1, 2, 1)
    net = MobileNetV2(3, 1, 2, width=0.25, strides=flat, kernel_size=(1, 3, 3)).eval()
    assert net.stride == (4, 32, 32)
    x = torch.randn(1, 1, 9, 40, 33)
    assert net.features(x).shape == (1, 1280, 3, 2, 2)
    assert net(x).shape == (1, 2)
    assert {m.kernel_size for m in net.modules() if isinstance(m, nn.Conv3d) and m.groups > 1} == {(1, 3, 3)}


def test_widths_are_rounded_up_where_the_nearest_loses_more_than_a_tenth() -> None:
    net = MobileNetV2(2, 1, 2, width=0.35)
    assert net.features[0].conv.out_channels == 16  # of 11.2
    assert net.features[-1].conv.in_channels == 112  # of 112
    assert MobileNetV2(2, 1, 2, width=0.6).features[2][0].conv.in_channels == 16  # of 9.6
