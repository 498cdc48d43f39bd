"""Loading weights that others have published for the same networks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medse.errors import InputError, some
from medse.nets.quicknat import QuickNAT
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2
from medse.nets.weights.quicknat_names import QUICKNAT_UNUSED, quicknat_names
from medse.nets.weights.resnet_names import resnet_names
from medse.nets.weights.resnetv2_names import from_keras, resnetv2_names

Weights = Mapping[str, Tensor | NDArray[np.floating]]

COUNTER = "num_batches_tracked"
"""A buffer that old files lack and that nothing here uses."""


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
