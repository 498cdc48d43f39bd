"""Weights with published names give the published network's output; all others are refused in a sentence."""

from typing import Any

import numpy as np
import pytest
import torch
from monai.networks.nets import ResNet as MonaiResNet
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from medse.attention.spatial import SpatialSE
from medse.errors import InputError
from medse.nets.published_names import quicknat_names, resnetv2_names
from medse.nets.published_weights import load_published_weights
from medse.nets.quicknat import QuickNAT
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2
from medse.nets.unet import UNet
from tests.support.randomized import randomized

State = dict[str, Any]
STAGES = (2, 3)
"""Blocks of each stage of the small pre-activation network."""


def v2(spatial_dims: int, classes: int = 3, **options: Any) -> ResNetV2:
    return ResNetV2(
        spatial_dims, 2, classes, channels=8, blocks=STAGES, strides=(2, 2, 2, 1), **options
    ).eval()


def keras_arrays(spatial_dims: int, classes: int = 3) -> dict[str, NDArray[np.float32]]:
    """Draw arrays in the layout of Keras: kernels are (*kernel, in, out) there."""
    rng, net = np.random.default_rng(0), v2(spatial_dims, classes)
    arrays = {}
    for ours, theirs in resnetv2_names(net).items():
        shape = net.state_dict()[ours].shape
        if theirs.endswith("/kernel"):
            shape = (*shape[2:], shape[1], shape[0])
            arrays[theirs] = rng.normal(size=shape, scale=(2 / np.prod(shape[:-1])) ** 0.5).astype(np.float32)
        else:
            arrays[theirs] = rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return arrays


def keras_forward(arrays: dict[str, NDArray[np.float32]], x: Tensor) -> Tensor:
    """ResNet50V2 as keras.applications has it, line by line, for two stages with steps 2 and 1."""
    dims = x.ndim - 2
    convolve, pool = {2: (F.conv2d, F.max_pool2d), 3: (F.conv3d, F.max_pool3d)}[dims]

    def pad(y: Tensor, by: int) -> Tensor:
        return F.pad(y, (by, by) * dims)

    def conv(y: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = torch.from_numpy(np.moveaxis(arrays[f"{name}/kernel"], (-1, -2), (0, 1)).copy())
        bias = arrays.get(f"{name}/bias")
        return convolve(y, kernel, None if bias is None else torch.from_numpy(bias), stride)

    def norm_relu(y: Tensor, name: str) -> Tensor:
        gamma, beta, mean, variance = (
            torch.from_numpy(arrays[f"{name}/{variable}"]).reshape(-1, *(1,) * dims)
            for variable in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        return ((y - mean) / (variance + 1.001e-5).sqrt() * gamma + beta).relu()

    def block(y: Tensor, name: str, stride: int, *, conv_shortcut: bool) -> Tensor:
        preact = norm_relu(y, f"{name}_preact_bn")
        if conv_shortcut:
            shortcut = conv(preact, f"{name}_0_conv", stride)
        else:
            shortcut = pool(y, 1, stride) if stride > 1 else y
        z = norm_relu(conv(preact, f"{name}_1_conv"), f"{name}_1_bn")
        z = norm_relu(conv(pad(z, 1), f"{name}_2_conv", stride), f"{name}_2_bn")
        return shortcut + conv(z, f"{name}_3_conv")

    y = conv(pad(x, 3), "conv1_conv", 2)
    y = pool(pad(y, 1), 3, 2)
    for level, (count, stride1) in enumerate(zip(STAGES, (2, 1), strict=True)):
        y = block(y, f"conv{level + 2}_block1", 1, conv_shortcut=True)
        for n in range(2, count):
            y = block(y, f"conv{level + 2}_block{n}", 1, conv_shortcut=False)
        y = block(y, f"conv{level + 2}_block{count}", stride1, conv_shortcut=False)
    y = norm_relu(y, "post_bn").flatten(2).mean(2)
    return y @ torch.from_numpy(arrays["predictions/kernel"]) + torch.from_numpy(arrays["predictions/bias"])


def torchvision_state(classes: int = 3) -> State:
    """MONAI's ResNet has torchvision's layout and names."""
    torch.manual_seed(0)
    blocks, widths = [2, 2, 2, 2], [8, 16, 32, 64]
    net = MonaiResNet(
        "basic", blocks, widths, 2, 2, conv1_t_stride=2, bias_downsample=False, num_classes=classes
    )
    return dict(randomized(net).state_dict())


def ours(**options: Any) -> ResNet:
    return ResNet(2, 2, 3, depth=18, channels=8, **options).eval()


@pytest.mark.parametrize("spatial_dims", [2, 3])
@torch.no_grad()
def test_keras_arrays_give_keras_output(spatial_dims: int) -> None:
    arrays, x = keras_arrays(spatial_dims), torch.randn(2, 2, *(33, 40, 37)[:spatial_dims])
    expected = keras_forward(arrays, x)
    for prefix, suffix in (("", ""), ("", ":0"), ("resnet50v2/", "")):
        net = v2(spatial_dims)
        load_published_weights(net, {f"{prefix}{name}{suffix}": array for name, array in arrays.items()})
        torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-4)


def test_tensors_are_taken_for_arrays() -> None:
    one, other = v2(2), v2(2)
    load_published_weights(one, keras_arrays(2))
    load_published_weights(other, {name: torch.tensor(array) for name, array in keras_arrays(2).items()})
    assert all(map(torch.equal, one.state_dict().values(), other.state_dict().values()))


@torch.no_grad()
def test_attention_stays_as_it_is() -> None:
    for net, weights, count in (
        (ours(attention="sse"), torchvision_state(), 8),
        (v2(2, attention="sse"), keras_arrays(2), 5),
    ):
        gates = {name: t.clone() for name, t in net.state_dict().items() if ".standard." in name}
        load_published_weights(net, weights)
        assert len(gates) == 2 * count
        assert all(torch.equal(net.state_dict()[name], t) for name, t in gates.items())
        for module in net.modules():
            if isinstance(module, SpatialSE):
                nn.init.zeros_(module.conv.weight)
                nn.init.constant_(module.conv.bias, 100.0)  # gates of 1
        plain = ours() if isinstance(net, ResNet) else v2(2)
        load_published_weights(plain, weights)
        x = torch.randn(1, 2, 40, 40)
        torch.testing.assert_close(net(x), plain(x))


def test_without_head_other_classes_are_allowed() -> None:
    for make, weights in ((ours, torchvision_state(1000)), (lambda: v2(2), keras_arrays(2, 1000))):
        net = make()
        before = net.classifier.weight.clone()
        with pytest.raises(InputError, match=r"does not fit .* give head=False"):
            load_published_weights(net, weights)
        load_published_weights(net, weights, head=False)
        assert torch.equal(net.classifier.weight, before)
        headless = {k: v for k, v in weights.items() if not k.startswith(("fc.", "predictions/"))}
        again = make()
        load_published_weights(again, headless, head=False)
        assert torch.equal(next(again.parameters()), next(net.parameters()))


def test_counters_may_be_absent() -> None:
    state = torchvision_state()
    net, other = ours(), ours()
    load_published_weights(net, state)
    load_published_weights(other, {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")})
    assert all(map(torch.equal, net.state_dict().values(), other.state_dict().values()))


@torch.no_grad()
def test_quicknat_takes_its_authors_names_and_ignores_what_they_never_apply() -> None:
    options: State = {"channels": 4, "kernel_size": 3}
    saved = randomized(QuickNAT(2, 1, 3, **options, attention="scse"))
    state = {theirs: saved.state_dict()[own] for own, theirs in quicknat_names(saved).items()}
    state["bottleneck.SELayer.cSE.fc1.weight"] = torch.zeros(2, 4)
    net = QuickNAT(2, 1, 3, **options, attention="scse").eval()
    load_published_weights(net, state)
    x = torch.randn(1, 1, 32, 32)
    torch.testing.assert_close(net(x), saved(x), rtol=0, atol=0)
    other = QuickNAT(2, 1, 5, **options, attention="scse")
    load_published_weights(other, state, head=False)
    with pytest.raises(InputError, match=r"classifier.conv.\w+ does not fit QuickNAT"):
        load_published_weights(other, state)
    with pytest.raises(InputError, match=r"unknown are .*SELayer"):
        load_published_weights(QuickNAT(2, 1, 3, **options), state)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"conv1.weight": None},
            r"missing are conv1.weight, and unknown are none; allowed are the 102 names",
        ),
        ({"layer9.weight": torch.zeros(1)}, "missing are none, and unknown are layer9.weight; allowed"),
        (
            {"conv1.weight": torch.zeros(8, 3, 7, 7)},
            r"conv1.weight .* \(8, 3, 7, 7\); allowed is \(8, 2, 7, 7\)",
        ),
        ({"epoch": 7}, "hold epoch, of type int; allowed are tensors and arrays"),
    ],
)
def test_other_weights_are_refused_and_nothing_is_loaded(changed: State, message: str) -> None:
    state = {k: v for k, v in (torchvision_state() | changed).items() if v is not None}
    net = ours()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(InputError, match=message):
        load_published_weights(net, state)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())


def test_other_depths_norms_and_networks_are_refused() -> None:
    state = torchvision_state()
    with pytest.raises(InputError, match=r"missing are layer1.0.bn3.bias, .* more, and unknown are none;"):
        load_published_weights(ResNet(2, 2, 3, channels=8), state)
    with pytest.raises(InputError, match=r"missing are none, and unknown are bn1.running_mean, "):
        load_published_weights(ours(norm="instance"), state)
    with pytest.raises(
        InputError, match="UNet has no published weights; allowed are ResNet, ResNetV2, .*QuickNAT;"
    ):
        load_published_weights(UNet(2, 1, 2), state)
    twice = keras_arrays(2)
    twice["adam/conv1_conv/kernel"] = twice["conv1_conv/kernel"]
    with pytest.raises(InputError, match="adam/conv1_conv/kernel is the second conv1_conv/kernel"):
        load_published_weights(v2(2), twice)
