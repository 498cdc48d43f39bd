"""Our networks against those of other packages, with the same random weights."""

from typing import Any

import numpy as np
import pytest
import torch
from monai.networks import nets
from numpy.typing import NDArray

from medse.nets.published_weights import load_published_weights
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2
from tests.support.randomized import randomized

BLOCKS = {18: ("basic", [2, 2, 2, 2]), 34: ("basic", [3, 4, 6, 3]), 50: ("bottleneck", [3, 4, 6, 3])}


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("depth", [18, 34, 50])
@torch.no_grad()
def test_resnet_is_monais(spatial_dims: int, depth: Any) -> None:
    block, counts = BLOCKS[depth]
    theirs = randomized(
        nets.ResNet(
            block,
            counts,
            [8, 16, 32, 64],
            spatial_dims,
            2,
            conv1_t_stride=2,
            bias_downsample=False,
            num_classes=3,
        )
    )
    net = ResNet(spatial_dims, 2, 3, depth=depth, channels=8).eval()
    load_published_weights(net, theirs.state_dict())
    for size in ((64, 64, 32), (37, 50, 33)):
        x = torch.randn(2, 2, *size[:spatial_dims])
        expected = theirs(x)
        torch.testing.assert_close(net(x), expected, rtol=1e-4, atol=1e-4 * expected.abs().max().item())


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    keras = pytest.importorskip(
        "keras", reason="keras, whose ResNet50V2 is the published one, is not installed"
    )
    if keras.backend.backend() != "torch":
        pytest.skip("keras runs on another backend than torch here")
    return keras


def drawn(model: Any) -> dict[str, NDArray[np.float32]]:
    """Draw all weights of a Keras model anew, and return them by path."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        shape = tuple(variable.shape)
        if len(shape) > 1:
            value = rng.normal(size=shape) * (2 / np.prod(shape[:-1])) ** 0.5
        else:
            value = rng.uniform(0.5, 1.5, shape) - (
                0 if "gamma" in variable.path or "var" in variable.path else 1
            )
        variable.assign(value.astype(np.float32))
    return {variable.path: np.asarray(variable.numpy()) for variable in model.weights}


@torch.no_grad()
def test_resnetv2_is_keras(keras: Any) -> None:
    model = keras.applications.ResNet50V2(
        weights=None, input_shape=(75, 64, 3), classes=10, classifier_activation=None
    )
    net = ResNetV2(2, 3, 10).eval()
    load_published_weights(net, drawn(model))
    x = torch.randn(2, 3, 75, 64)
    expected = torch.as_tensor(model(x.movedim(1, -1).numpy()))
    torch.testing.assert_close(net(x), expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())
