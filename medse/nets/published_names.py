"""What others call the weights of our networks: torchvision, timm, Keras, QuickNAT's authors."""

from torch import nn

from medse.attention.author_weights import author_names
from medse.attention.channel import SqueezeExcitation
from medse.attention.concurrent import ConcurrentSE
from medse.attention.spatial import SpatialSE
from medse.errors import InputError
from medse.nets.densenet import DenseNet
from medse.nets.mobilenetv2 import MobileNetV2
from medse.nets.quicknat import QuickNAT
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import Layout, ResNetV2


def resnet_names(net: ResNet) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of torchvision and timm."""
    modules = {"stem.conv": "conv1", "stem.adn.N": "bn1", "classifier": "fc"}
    for level, stage in enumerate(net.stages):
        for number, _ in enumerate(stage.children()):
            ours, theirs = f"stages.{level}.{number}", f"layer{level + 1}.{number}"
            modules[f"{ours}.shortcut.conv"] = f"{theirs}.downsample.0"
            modules[f"{ours}.shortcut.adn.N"] = f"{theirs}.downsample.1"
            for n in range(3):
                modules[f"{ours}.branch.{n}.conv"] = f"{theirs}.conv{n + 1}"
                modules[f"{ours}.branch.{n}.adn.N"] = f"{theirs}.bn{n + 1}"
    return _of_modules(net, modules)


_OF_NORM = {
    "weight": "gamma",
    "bias": "beta",
    "running_mean": "moving_mean",
    "running_var": "moving_variance",
}
_OF_CONVOLUTION = {"weight": "kernel", "bias": "bias"}


def resnetv2_names(net: ResNetV2) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of Keras.

    Raises:
        InputError: ``net`` has the layout of timm.
    """
    _check_layout(net, "keras")
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


def keras_numbers(net: ResNetV2) -> dict[str, str]:
    """Return, for each layer as early files of Keras 3 number it, its name: ``conv2d_1`` is ``conv2_block1_1_conv``.

    They number the layers of each kind in the order in which they were built.
    """
    convs, norms = ["conv1_conv"], []
    for level, stage in enumerate(net.stages):
        for number, _ in enumerate(stage.children()):
            block = f"conv{level + 2}_block{number + 1}"
            convs += [f"{block}_{n}_conv" for n in ((1, 2, 3) if number else (1, 2, 0, 3))]
            norms += [f"{block}_{n}_bn" for n in ("preact", 1, 2)]
    kinds = {"conv2d": convs, "batch_normalization": [*norms, "post_bn"], "dense": ["predictions"]}
    return {
        f"{kind}_{n}" if n else kind: layer
        for kind, layers in kinds.items()
        for n, layer in enumerate(layers)
    }


def timm_resnetv2_names(net: ResNetV2) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of timm's ``resnetv2_50``.

    Raises:
        InputError: ``net`` has the layout of Keras.
    """
    _check_layout(net, "timm")
    modules = {"stem.0.conv": "stem.conv", "activated.N": "norm", "classifier": "head.fc"}
    for level, stage in enumerate(net.stages):
        for number, _ in enumerate(stage.children()):
            ours, theirs = f"stages.{level}.{number}", f"stages.{level}.blocks.{number}"
            before, unit, start = (f"{ours}.branch.0", ours, 1) if number else (f"{ours}.0", f"{ours}.1", 0)
            modules[f"{before}.N"] = f"{theirs}.norm1"
            modules[f"{unit}.shortcut.conv"] = f"{theirs}.downsample.conv"
            for n in range(3):
                modules[f"{unit}.branch.{start + n}.conv"] = f"{theirs}.conv{n + 1}"
                modules[f"{unit}.branch.{start + n}.adn.N"] = f"{theirs}.norm{n + 2}"
    return _of_modules(net, modules)


def mobilenetv2_names(net: MobileNetV2) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of torchvision."""
    ends = (0, len(net.features) - 1)
    modules = {"classifier": "classifier.1"}
    modules |= {f"features.{index}.conv": f"features.{index}.0" for index in ends}
    modules |= {f"features.{index}.adn.N": f"features.{index}.1" for index in ends}
    expanding = {0: ("0.0", "0.1"), 1: ("1.0", "1.1"), 3: ("2", "3")}
    for index in range(1, ends[1]):
        within = expanding if index > 1 else {0: ("0.0", "0.1"), 1: ("1", "2")}
        for n, (conv, norm) in within.items():
            for ours in (f"features.{index}.{n}", f"features.{index}.submodule.{n}"):
                modules[f"{ours}.conv"] = f"features.{index}.conv.{conv}"
                modules[f"{ours}.adn.N"] = f"features.{index}.conv.{norm}"
    return _of_modules(net, modules)


def densenet_names(net: DenseNet) -> dict[str, str]:
    """Return, for each name in the state dict of ``net`` but those of attention, that of torchvision and timm."""
    return {
        ours: ours.replace(".layers.", ".").replace("class_layers.out.", "classifier.")
        for ours in net.state_dict()
        if not ours.startswith(("features.attention", "attention"))
    }


def _of_modules(net: nn.Module, modules: dict[str, str]) -> dict[str, str]:
    """Return our and their names of the tensors of ``modules``, which are ours with theirs."""
    split = (name.rpartition(".") for name in net.state_dict())
    return {f"{ours}.{tensor}": f"{modules[ours]}.{tensor}" for ours, _, tensor in split if ours in modules}


def _check_layout(net: ResNetV2, layout: Layout) -> None:
    if net.layout != layout:
        raise InputError(
            f"The weights are named as those of ResNetV2 in layout {layout!r}, and the network has layout "
            f"{net.layout!r}, which strides elsewhere; build it with layout {layout!r}."
        )


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
