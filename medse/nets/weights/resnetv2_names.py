"""The names and the layout that Keras gave to the weights of ResNet50V2."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medse.errors import InputError
from medse.nets.resnetv2 import ResNetV2

_OF_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_OF_CONVOLUTION = {"weight": "kernel", "bias": "bias"}


def resnetv2_names(net: ResNetV2) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of Keras."""
    layers = {"stem.0.conv": "conv1_conv", "activated.N": "post_bn", "classifier": "predictions"}
    for level, stage in enumerate(net.stages):
        for number, _ in enumerate(stage.children()):
            ours, theirs = f"stages.{level}.{number}", f"conv{level + 2}_block{number + 1}"
            before, unit, start = (f"{ours}.branch.0", ours, 1) if number else (f"{ours}.0", f"{ours}.1", 0)
            layers[f"{before}.N"] = f"{theirs}_preact_bn"
            layers[f"{unit}.shortcut.conv"] = f"{theirs}_0_conv"
            for n in range(3):
                layers[f"{unit}.branch.{start + n}.conv"] = f"{theirs}_{n + 1}_conv"
                layers[f"{unit}.branch.{start + n}.adn.N"] = f"{theirs}_{n + 1}_bn"
    names = {}
    for name in net.state_dict():
        module, _, tensor = name.rpartition(".")
        layer = layers.get(module)
        words = _OF_NORM if layer and layer.endswith("_bn") else _OF_CONVOLUTION
        if layer and tensor in words:
            names[name] = f"{layer}/{words[tensor]}"
    return names


def from_keras(weights: Mapping[str, Tensor | NDArray[np.floating]]) -> dict[str, Tensor]:
    """Return the arrays as PyTorch has them: channels first, named by layer and variable alone.

    Raises:
        InputError: Two arrays have the same layer and variable.
    """
    converted: dict[str, Tensor] = {}
    for path, array in weights.items():
        name = "/".join(path.removesuffix(":0").split("/")[-2:])
        if name in converted:
            raise InputError(
                f"Two of the weights are of the same layer; {path} is the second {name}; allowed are those of one "
                "model; give its layers alone, without what its optimizer keeps."
            )
        tensor = torch.as_tensor(array)
        if name.endswith("/kernel"):  # (*kernel, in, out) to (out, in, *kernel)
            tensor = tensor.permute(-1, -2, *range(tensor.ndim - 2))
        converted[name] = tensor
    return converted
