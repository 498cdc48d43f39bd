"""timm's resnetv2_50, torchvision's mobilenet_v2 and densenet121, written down line by line, and our networks."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from medse.errors import InputError
from medse.nets.densenet import DenseNet
from medse.nets.mobilenetv2 import MobileNetV2
from medse.nets.published_names import densenet_names, mobilenetv2_names, timm_resnetv2_names
from medse.nets.published_weights import load_published_weights
from medse.nets.resnetv2 import ResNetV2
from tests.support.randomized import randomized

State = dict[str, Tensor]
STAGES = (2, 1, 2)
"""Blocks of each stage of a small network in timm's layout."""


def timm_net(**options: Any) -> ResNetV2:
    return ResNetV2(
        2, 3, 5, channels=8, blocks=STAGES, strides=(2, 2, 1, 2, 2), layout="timm", **options
    ).eval()


def renamed(net: nn.Module, names: dict[str, str]) -> State:
    """The state of ``net``, randomized, under other names."""
    own = randomized(net).state_dict()
    return {theirs: own[ours] for ours, theirs in names.items()}


def norm(y: Tensor, state: State, name: str) -> Tensor:
    mean, variance, weight, bias = (
        state[f"{name}.{part}"].reshape(-1, 1, 1)
        for part in ("running_mean", "running_var", "weight", "bias")
    )
    return (y - mean) / (variance + 1e-5).sqrt() * weight + bias


def timm_forward(state: State, x: Tensor) -> Tensor:
    y = F.max_pool2d(F.conv2d(x, state["stem.conv.weight"], stride=2, padding=3), 3, 2, padding=1)
    for level, count in enumerate(STAGES):
        for n in range(count):
            block, stride = f"stages.{level}.blocks.{n}", 2 if level and not n else 1
            before = norm(y, state, f"{block}.norm1").relu()
            if not n:
                y = F.conv2d(before, state[f"{block}.downsample.conv.weight"], stride=stride)
            z = F.conv2d(before, state[f"{block}.conv1.weight"])
            z = norm(z, state, f"{block}.norm2").relu()
            z = F.conv2d(z, state[f"{block}.conv2.weight"], stride=stride, padding=1)
            z = norm(z, state, f"{block}.norm3").relu()
            y = y + F.conv2d(z, state[f"{block}.conv3.weight"])
    y = norm(y, state, "norm").relu().mean((2, 3), keepdim=True)
    return F.conv2d(y, state["head.fc.weight"], state["head.fc.bias"]).flatten(1)


@torch.no_grad()
def test_timms_names_give_timms_output() -> None:
    state = renamed(timm_net(), timm_resnetv2_names(timm_net()))
    state["head.fc.weight"] = state["head.fc.weight"][:, :, None, None]
    x = torch.randn(2, 3, 53, 70)
    expected = timm_forward(state, x)
    net = timm_net()
    assert load_published_weights(net, state) == "resnetv2_50 of timm"
    torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


def test_timms_full_network_has_timms_names_and_number_of_weights() -> None:
    with torch.device("meta"):
        net = ResNetV2(2, 3, 1000, layout="timm")
    assert sum(p.numel() for p in net.parameters()) == 25_549_352
    assert net.stride == (32, 32)
    names = set(timm_resnetv2_names(net).values())
    assert {"stages.3.blocks.2.conv3.weight", "stages.0.blocks.0.downsample.conv.weight"} <= names
    assert not any("bias" in name and "conv" in name for name in names)
    counters = {name for name in net.state_dict() if name.endswith("num_batches_tracked")}
    assert len(names) == len(net.state_dict())
    assert len(counters) == 49


def test_weights_of_the_other_layout_are_refused_with_the_remedy() -> None:
    state = renamed(timm_net(), timm_resnetv2_names(timm_net()))
    keras = ResNetV2(2, 3, 5, channels=8, blocks=STAGES, strides=2)
    with pytest.raises(InputError, match="in layout 'timm'.* build it with layout 'timm'"):
        load_published_weights(keras, state)
    with pytest.raises(InputError, match="in layout 'keras'.* build it with layout 'keras'"):
        load_published_weights(timm_net(), {"conv1_conv/kernel": torch.zeros(7, 7, 3, 8)})


MOBILE = ((6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))


def mobilenet_forward(state: State, x: Tensor) -> Tensor:
    def conv(y: Tensor, at: str, bn: str, stride: int = 1, groups: int = 1) -> Tensor:
        kernel = state[f"{at}.weight"]
        return norm(F.conv2d(y, kernel, None, stride, kernel.shape[-1] // 2, 1, groups), state, bn)

    y = F.relu6(conv(x, "features.0.0", "features.0.1", 2))
    y = F.relu6(conv(y, "features.1.conv.0.0", "features.1.conv.0.1", groups=y.shape[1]))
    y, index = conv(y, "features.1.conv.1", "features.1.conv.2"), 2
    for stride, (_, channels, count) in zip((2, 2, 2, 1, 2, 1), MOBILE, strict=True):
        for n in range(count):
            at = f"features.{index}.conv"
            z = F.relu6(conv(y, f"{at}.0.0", f"{at}.0.1"))
            z = F.relu6(conv(z, f"{at}.1.0", f"{at}.1.1", stride if n == 0 else 1, z.shape[1]))
            z = conv(z, f"{at}.2", f"{at}.3")
            assert z.shape[1] == channels
            y, index = y + z if n else z, index + 1
    y = F.relu6(conv(y, "features.18.0", "features.18.1")).mean((2, 3))
    return F.linear(y, state["classifier.1.weight"], state["classifier.1.bias"])


def densenet_forward(state: State, x: Tensor) -> Tensor:
    y = F.conv2d(x, state["features.conv0.weight"], stride=2, padding=3)
    y = F.max_pool2d(norm(y, state, "features.norm0").relu(), 3, 2, 1)
    for block, count in enumerate((6, 12, 24, 16), start=1):
        for layer in range(1, count + 1):
            at = f"features.denseblock{block}.denselayer{layer}"
            z = F.conv2d(norm(y, state, f"{at}.norm1").relu(), state[f"{at}.conv1.weight"])
            z = F.conv2d(norm(z, state, f"{at}.norm2").relu(), state[f"{at}.conv2.weight"], padding=1)
            y = torch.cat([y, z], dim=1)
        if block < 4:
            at = f"features.transition{block}"
            y = F.avg_pool2d(F.conv2d(norm(y, state, f"{at}.norm").relu(), state[f"{at}.conv.weight"]), 2)
    y = norm(y, state, "features.norm5").relu().mean((2, 3))
    return F.linear(y, state["classifier.weight"], state["classifier.bias"])


@pytest.mark.parametrize(
    ("make", "names", "forward", "origin"),
    [
        (MobileNetV2, mobilenetv2_names, mobilenet_forward, "mobilenet_v2"),
        (DenseNet, densenet_names, densenet_forward, "densenet121"),
    ],
)
@torch.no_grad()
def test_torchvisions_names_give_torchvisions_output(
    make: Any, names: Any, forward: Any, origin: str
) -> None:
    state = renamed(make(2, 3, 5), names(make(2, 3, 5)))
    x = torch.randn(2, 3, 64, 70)
    expected = forward(state, x)
    net = make(2, 3, 5).eval()
    assert origin in load_published_weights(net, state)
    torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())
    attentive = make(2, 1, 7, attention="se")
    done = load_published_weights(attentive, state, head=False, channels="summed")
    assert "summed over 3" in done
    first = next(iter(names(attentive)))
    summed = state[names(attentive)[first]].sum(1, keepdim=True)
    assert torch.equal(attentive.state_dict()[first], summed)
