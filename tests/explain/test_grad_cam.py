"""Grad-CAM against its formula written by hand, on nets whose answer is known, and on nets that must not change."""

import copy
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medse.errors import InputError
from medse.explain import grad_cam
from medse.nets import CLASSIFICATION_NETS, build_net
from tests.explain.planted import Planted

SMALL = {
    "resnetv2": {"channels": 4, "blocks": [1, 1], "strides": 2, "attention": {"name": "se", "reduction": 4}},
    "resnet": {"depth": 18, "channels": 4, "attention": {"name": "scse"}, "placement": "head"},
    "densenet": {"blocks": [2, 2], "growth": 4, "init_channels": 8, "attention": "eca"},
    "mobilenetv2": {"width": 0.25, "attention": "simam"},
}
PLACES = {"resnetv2": (0, 16), "resnet": (0, 32), "densenet": (2, 8), "mobilenetv2": (0, 32)}
"""Voxel of the first cell of the last map, and how far apart cells are: kernels of odd length stay where they are,
the mean of two cells that lie 4 apart (DenseNet) lies 2 further on."""
SIZE = {2: (40, 33), 3: (33, 32, 40)}


def small_net(name: str, spatial_dims: int) -> nn.Module:
    torch.manual_seed(3)
    net = build_net({"name": name, **SMALL[name]}, spatial_dims, 1, 3)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point() and tensor.ndim == 1:
            tensor.uniform_(0.5, 1.5)  # so that norms do not only pass on
    return net


def by_hand(net: nn.Module, images: Tensor, classes: list[int], start: float, step: float) -> np.ndarray:
    """Equations 1 and 2 of Selvaraju et al., from the two halves of our networks."""
    last = net.feature_maps(images)[-1].detach().requires_grad_()
    logits = net.classify(last * 1)  # DenseNet's is activated in place
    maps = []
    for n, one in enumerate(classes):
        (gradient,) = torch.autograd.grad(logits[n, one], last, retain_graph=True)
        weights = [float(channel.double().mean()) for channel in gradient[n]]
        heat = sum(weight * channel.detach() for weight, channel in zip(weights, last[n], strict=True))
        heat = np.maximum(heat.numpy(), 0)
        full = heat
        for axis, length in enumerate(images.shape[2:]):
            places = start + step * np.arange(heat.shape[axis])
            full = np.apply_along_axis(
                lambda row, at=places, n=length: np.interp(range(n), at, row), axis, full
            )
        maps.append(full / full.max() if full.max() > 0 else full)
    return np.stack(maps)


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("name", CLASSIFICATION_NETS)
def test_it_is_the_formula_for_every_network(name: str, spatial_dims: int) -> None:
    net = small_net(name, spatial_dims).eval()
    if spatial_dims == 2:  # as they are trained
        net = net.to(memory_format=torch.channels_last)
    images = torch.randn(6, 1, *SIZE[spatial_dims])
    classes = [2, 0, 1, 2, 1, 0]
    found = grad_cam(net, images, classes)
    assert found.shape == (6, *SIZE[spatial_dims])
    assert found.dtype == np.float32
    expected = by_hand(net, images, classes, *PLACES[name])
    assert (
        expected.any(axis=tuple(range(1, expected.ndim))).sum() > 1
    )  # some class has places that speak for it
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_without_classes_it_is_of_the_class_that_the_net_says() -> None:
    net = small_net("resnetv2", 2).eval()
    images = 5 * torch.randn(6, 1, 40, 33)
    said = net(images).argmax(1).tolist()
    np.testing.assert_array_equal(grad_cam(net, images), grad_cam(net, images, said))


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_the_map_lies_on_what_a_planted_filter_finds(spatial_dims: int) -> None:
    image = torch.rand(2, 1, *(24, 24, 16)[:spatial_dims]) * 0.3
    places = [(slice(3, 10),) * spatial_dims, (slice(8, 15),) * spatial_dims]
    for n, place in enumerate(places):
        image[(n, 0, *place)] = 1
    heat = grad_cam(Planted(spatial_dims), image, [1, 1])
    for one, place in zip(heat, places, strict=True):
        outside = one.copy()
        outside[place] = 0
        assert one.max() == 1
        assert not outside.any()


def state(net: nn.Module) -> Iterator[object]:
    for module in net.modules():
        yield module.training, getattr(module, "inplace", None)
        yield len(module._forward_hooks), len(module._backward_hooks), len(module._forward_pre_hooks)
    for parameter in net.parameters():
        yield (
            parameter.requires_grad,
            None if parameter.grad is None else parameter.grad.double().sum().item(),
        )
    for tensor in net.state_dict().values():
        yield tensor.double().sum().item()


@pytest.mark.parametrize("name", CLASSIFICATION_NETS)
def test_the_net_is_as_it_was(name: str) -> None:
    net = small_net(name, 2).train()
    net(torch.randn(2, 1, 40, 33)).sum().backward()
    next(net.parameters()).requires_grad_(requires_grad=False)
    next(net.children()).eval()
    before = copy.deepcopy(list(state(net)))
    images = torch.randn(2, 1, 40, 33, requires_grad=True)
    with torch.inference_mode():
        grad_cam(net, images)
    assert list(state(net)) == before
    assert images.grad is None


def test_a_map_of_nothing_is_zero() -> None:
    assert not grad_cam(Planted(2), torch.zeros(1, 1, 16, 16), [1]).any()


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"classes": [0, 3]}, "0 to 1"),
        ({"classes": [0]}, "2 images"),
        ({"layer": "convolution"}, "conv, act, linear"),
        ({"layer": 3}, "layer"),
    ],
)
def test_what_does_not_exist_is_refused(arguments: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        grad_cam(Planted(2), torch.zeros(2, 1, 16, 16), **arguments)


def test_a_net_that_names_no_map_needs_a_layer() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(InputError, match="layer"):
        grad_cam(net, torch.rand(1, 1, 8, 8))
    assert grad_cam(net, torch.rand(1, 1, 8, 8), layer="0").shape == (1, 8, 8)
