"""Weights that others published, brought into the same networks here: torchvision's, Keras', QuickNAT's authors'."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medse.attention.author_weights import author_names
from medse.attention.channel import SqueezeExcitation
from medse.attention.concurrent import ConcurrentSE
from medse.attention.spatial import SpatialSE
from medse.errors import InputError, some
from medse.nets.quicknat import QuickNAT
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2

Weights = Mapping[str, Tensor | NDArray[np.floating]]
COUNTER = "num_batches_tracked"
"""A buffer that old files lack and that nothing here uses."""


def resnet_names(net: ResNet) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of torchvision."""
    modules = {"stem.conv": "conv1", "stem.adn.N": "bn1", "classifier": "fc"}
    for level, stage in enumerate(net.stages):
        for number, _ in enumerate(stage.children()):
            ours, theirs = f"stages.{level}.{number}", f"layer{level + 1}.{number}"
            modules[f"{ours}.shortcut.conv"] = f"{theirs}.downsample.0"
            modules[f"{ours}.shortcut.adn.N"] = f"{theirs}.downsample.1"
            for n in range(3):
                modules[f"{ours}.branch.{n}.conv"] = f"{theirs}.conv{n + 1}"
                modules[f"{ours}.branch.{n}.adn.N"] = f"{theirs}.bn{n + 1}"
    split = (name.rpartition(".") for name in net.state_dict())
    return {f"{ours}.{tensor}": f"{modules[ours]}.{tensor}" for ours, _, tensor in split if ours in modules}


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


def from_keras(weights: Weights) -> dict[str, Tensor]:
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


QUICKNAT_UNUSED = ("bottleneck.SELayer.",)
"""Beginnings of the authors' names of weights that their network holds and never applies."""

_DECODERS = ("decode4", "decode1", "decode2", "decode3")
"""Their names in the order in which they are applied, coarsest first."""


def quicknat_names(net: QuickNAT) -> dict[str, str]:
    """Return, for each name in the state dict of ``net``, that of ai-med/quickNAT_pytorch.

    Raises:
        InputError: ``net`` has weights that theirs does not have: of another attention than cse, sse and scse, or
            of attention on its skip connections or after its middle block.
    """
    blocks = {f"encoders.{index}.layers": f"encode{index + 1}" for index in range(len(net.encoders))}
    blocks |= {f"decoders.{index}.layers": name for index, name in enumerate(_DECODERS)}
    names = {f"heads.0.conv.{name}": f"classifier.conv.{name}" for name in ("weight", "bias")}
    for ours, theirs in [*blocks.items(), ("bottleneck", "bottleneck")]:
        dense = net.get_submodule(f"{ours}.0")
        names |= {f"{ours}.0.{name}": f"{theirs}.{_in_block(name)}" for name in dense.state_dict()}
    for ours, theirs in blocks.items():
        attention = net.get_submodule(f"{ours}.1")
        if isinstance(attention, SqueezeExcitation | SpatialSE | ConcurrentSE):
            of_attention = author_names(attention)[0].items()
            names |= {f"{ours}.1.{name}": f"{theirs}.SELayer.{published}" for name, published in of_attention}
    unknown = next((name for name in net.state_dict() if name not in names), None)
    if unknown is not None:
        raise InputError(
            f"The published QuickNAT has no weight like {unknown} of this network; its attention is cse, sse, scse "
            "or none, and stands after its encoder and decoder blocks; build the network like that."
        )
    return names


def _in_block(name: str) -> str:
    """Translate a name in a dense block, such as ``convs.0.conv.weight`` to ``conv1.weight``."""
    match name.split("."):
        case ["norms", index, rest]:
            return f"batchnorm{int(index) + 1}.{rest}"
        case ["convs", index, "conv", rest]:
            return f"conv{int(index) + 1}.{rest}"
        case _:
            return name.replace("activation", "prelu")


def _as_given(weights: Weights) -> dict[str, Tensor]:
    return {name: torch.as_tensor(array) for name, array in weights.items()}


@dataclass(frozen=True)
class Published:
    """How others have saved one of our networks.

    Attributes:
        names: Network -> our names with theirs.
        head: Beginning of their names of the layer that gives the logits.
        read: What turns their arrays into tensors of our layout.
        unused: Beginnings of the names of tensors that their network never applies.
    """

    names: Callable[[Any], dict[str, str]]
    head: str
    read: Callable[[Weights], dict[str, Tensor]] = _as_given
    unused: tuple[str, ...] = ()


PUBLISHED: dict[type[nn.Module], Published] = {
    ResNet: Published(resnet_names, "fc."),
    ResNetV2: Published(resnetv2_names, "predictions/", read=from_keras),
    QuickNAT: Published(quicknat_names, "classifier.", unused=QUICKNAT_UNUSED),
}
"""Network -> torchvision's ResNet, Keras' ResNet50V2, ai-med/quickNAT_pytorch's QuickNAT."""


def load_published_weights(net: nn.Module, weights: Weights, *, head: bool = True) -> None:
    """Load weights with the names and layout of torchvision, Keras or QuickNAT's authors.

    All weights are needed and none may be left over, with these exceptions. Attention in ``ResNet`` and ``ResNetV2``
    stays as it is, since the published ones have none; in ``QuickNAT`` it is loaded like the rest. What the published
    network never applies is ignored, and so are the counters of batch normalisation.

    Args:
        net: A ``ResNet``, ``ResNetV2`` or ``QuickNAT`` with the channels and options of the published one.
        weights: Name -> array. From torchvision and QuickNAT's authors, a state dict; from Keras,
            ``{variable.path: variable.numpy() for variable in model.weights}``.
        head: Load the last layer too. Without it, that layer stays as it is, for other classes.

    Raises:
        InputError: ``net`` is none of these, names are missing or unknown, or shapes differ; nothing is loaded then.

    Example:
        >>> net = ResNet(2, 3, 5, attention="scse")
        >>> file = "resnet50.pth"  # as its authors published it
        >>> load_published_weights(net, torch.load(file, weights_only=True), head=False)  # doctest: +SKIP
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
    published = PUBLISHED[type(net)]
    left_out = published.unused if head else (*published.unused, published.head)

    def used(name: str) -> bool:
        return not name.startswith(left_out) and not name.endswith(COUNTER)

    tensors = {name: tensor for name, tensor in published.read(weights).items() if used(name)}
    names = {ours: theirs for ours, theirs in published.names(net).items() if used(theirs)}
    missing, unknown = names.values() - tensors.keys(), tensors.keys() - names.values()
    if missing or unknown:
        raise InputError(
            f"The weights do not belong to {kind} as it was built; missing are {some(missing)}, and unknown are "
            f"{some(unknown)}; allowed are the {len(names)} names of the published network; build it with the "
            "depth, blocks, norm and attention that were saved."
        )
    own = net.state_dict()
    for ours, theirs in names.items():
        if own[ours].shape != tensors[theirs].shape:
            way = "give head=False" if theirs.startswith(published.head) else "build it with theirs"
            raise InputError(
                f"{theirs} does not fit {kind} as it was built; its shape in PyTorch's order is "
                f"{tuple(tensors[theirs].shape)}; allowed is {tuple(own[ours].shape)}; other channels, classes or "
                f"kernels were saved: {way}."
            )
    net.load_state_dict({ours: tensors[theirs] for ours, theirs in names.items()}, strict=False)
