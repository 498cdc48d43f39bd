"""Weights that others published, brought into the same networks here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medse.errors import InputError, some
from medse.nets.densenet import DenseNet
from medse.nets.mobilenetv2 import MobileNetV2
from medse.nets.published_names import (
    QUICKNAT_UNUSED,
    densenet_names,
    keras_numbers,
    mobilenetv2_names,
    quicknat_names,
    resnet_names,
    resnetv2_names,
    timm_resnetv2_names,
)
from medse.nets.quicknat import QuickNAT
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2

Weights = Mapping[str, Tensor | NDArray[np.floating]]
COUNTER = "num_batches_tracked"
"""A buffer that old files lack and that nothing here uses."""


def from_keras(weights: Weights, net: ResNetV2) -> dict[str, Tensor]:
    """Return the arrays as PyTorch has them: channels first, named by layer and variable alone.

    Layers that a file numbers (``conv2d_3``) instead of naming them get the names of those of ``net``.

    Raises:
        InputError: Two arrays have the same layer and variable.
    """
    converted: dict[str, Tensor] = {}
    numbers = keras_numbers(net)
    for path, array in weights.items():
        *_, layer, variable = ("", *path.removesuffix(":0").split("/"))
        name = f"{numbers.get(layer, layer)}/{variable}"
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


def from_timm(weights: Weights, _net: ResNetV2) -> dict[str, Tensor]:
    """Return the tensors with the last layer as a matrix: timm has it as a convolution of one pixel."""
    tensors = {name: torch.as_tensor(array) for name, array in weights.items()}
    last = "head.fc.weight"
    return tensors | ({last: tensors[last].flatten(1)} if last in tensors else {})


def _as_given(weights: Weights, _net: nn.Module) -> dict[str, Tensor]:
    return {name: torch.as_tensor(array) for name, array in weights.items()}


@dataclass(frozen=True)
class Published:
    """How others have saved one of our networks.

    Attributes:
        origin: Whose it is.
        names: Network -> our names with theirs.
        first: Their name of the weight that the image meets first; empty where it sees more than the image.
        head: Beginning of their names of the layer that gives the logits.
        mark: What is in their names and not in those of others for the same network.
        read: What turns their arrays into tensors of our layout, for a network.
        unused: Beginnings of the names of tensors that their network never applies.
    """

    origin: str
    names: Callable[[Any], dict[str, str]]
    first: str
    head: str
    mark: str = ""
    read: Callable[[Weights, Any], dict[str, Tensor]] = _as_given
    unused: tuple[str, ...] = ()


PUBLISHED: dict[type[nn.Module], tuple[Published, ...]] = {
    ResNet: (Published("ResNet of torchvision and timm", resnet_names, "conv1.weight", "fc."),),
    ResNetV2: (
        Published(
            "ResNet50V2 of Keras", resnetv2_names, "conv1_conv/kernel", "predictions/", "/", read=from_keras
        ),
        Published(
            "resnetv2_50 of timm",
            timm_resnetv2_names,
            "stem.conv.weight",
            "head.fc.",
            "stem.",
            read=from_timm,
        ),
    ),
    MobileNetV2: (
        Published("mobilenet_v2 of torchvision", mobilenetv2_names, "features.0.0.weight", "classifier."),
    ),
    DenseNet: (
        Published("densenet121 of torchvision", densenet_names, "features.conv0.weight", "classifier."),
    ),
    QuickNAT: (
        Published(
            "QuickNAT of ai-med/quickNAT_pytorch", quicknat_names, "", "classifier.", unused=QUICKNAT_UNUSED
        ),
    ),
}
"""Network -> those who published weights of it."""


def load_published_weights(
    net: nn.Module, weights: Weights, *, head: bool = True, channels: Literal["same", "summed"] = "same"
) -> str:
    """Load weights with the names and layout of torchvision, timm, Keras or QuickNAT's authors.

    All weights are needed and none may be left over, with these exceptions. Attention in the classifiers stays as it
    is, since the published ones have none; in ``QuickNAT`` it is loaded like the rest. What the published network
    never applies is ignored, and so are the counters of batch normalisation.

    Args:
        net: A network of :data:`PUBLISHED` with the channels and options of the published one.
        weights: Name -> array. From PyTorch, a state dict; from Keras,
            ``{variable.path: variable.numpy() for variable in model.weights}``.
        head: Load the last layer too. Without it, that layer stays as it is, for other classes.
        channels: ``summed`` adds up the first convolution over the channels of colour images where ``net`` takes one
            channel: its output is then that of the published network for the grey image in each of its channels.

    Returns:
        Whose weights they are and what was done to them.

    Raises:
        InputError: ``net`` is none of these or of another layout, names are missing or unknown, or shapes differ;
            nothing is loaded then.

    Example:
        >>> net = ResNet(2, 3, 5, attention="scse")
        >>> file = "resnet50.pth"  # as its authors published it
        >>> load_published_weights(net, torch.load(file, weights_only=True), head=False)  # doctest: +SKIP
        'ResNet of torchvision and timm, without its last layer'
    """
    kind = type(net).__name__
    if type(net) not in PUBLISHED:
        raise InputError(
            f"{kind} has no published weights; allowed are {', '.join(cls.__name__ for cls in PUBLISHED)}; use "
            "load_state_dict for weights saved by medse."
        )
    strange = next(
        (name for name, array in weights.items() if not isinstance(array, Tensor | np.ndarray)), None
    )
    if strange is not None:
        raise InputError(
            f"The weights hold {strange}, of type {type(weights[strange]).__name__}; allowed are tensors and "
            "arrays alone; give the state dict that lies within."
        )
    choices = PUBLISHED[type(net)]
    published = next((one for one in choices if any(one.mark in name for name in weights)), choices[0])
    left_out = published.unused if head else (*published.unused, published.head)

    def used(name: str) -> bool:
        return not name.startswith(left_out) and not name.endswith(COUNTER)

    tensors = {name: tensor for name, tensor in published.read(weights, net).items() if used(name)}
    names = {ours: theirs for ours, theirs in published.names(net).items() if used(theirs)}
    missing, unknown = names.values() - tensors.keys(), tensors.keys() - names.values()
    if missing or unknown:
        raise InputError(
            f"The weights do not belong to {kind} as it was built; missing are {some(missing)}, and unknown are "
            f"{some(unknown)}; allowed are the {len(names)} names of the published network; build it with the "
            "depth, blocks, norm and attention that were saved."
        )
    own, done = net.state_dict(), "" if head else ", without its last layer"
    first = next((ours for ours, theirs in names.items() if theirs == published.first), None)
    if channels == "summed" and first and own[first].shape[1] == 1 < tensors[published.first].shape[1]:
        done += f", its first convolution summed over {tensors[published.first].shape[1]} channels"
        tensors[published.first] = tensors[published.first].sum(1, keepdim=True)
    for ours, theirs in names.items():
        if own[ours].shape != tensors[theirs].shape:
            way = "give head=False" if theirs.startswith(published.head) else "build it with theirs"
            raise InputError(
                f"{theirs} does not fit {kind} as it was built; its shape in PyTorch's order is "
                f"{tuple(tensors[theirs].shape)}; allowed is {tuple(own[ours].shape)}; other channels, classes or "
                f"kernels were saved: {way}."
            )
    net.load_state_dict({ours: tensors[theirs] for ours, theirs in names.items()}, strict=False)
    return published.origin + done
