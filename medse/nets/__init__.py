"""Networks: each is built as ``net(spatial_dims, in_channels, out_channels, **options)``.

A new network is one file here, whose class says what is known about it, and one line in :data:`NETS`.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from medse.layers import lengths  # noqa: F401 -- before MONAI
from medse.nets.densenet import DenseNet
from medse.nets.fcdensenet import FCDenseNet
from medse.nets.mobilenetv2 import MobileNetV2
from medse.nets.network import DERIVED, Classifier, Network
from medse.nets.quicknat import QuickNAT
from medse.nets.resnet import ResNet
from medse.nets.resnetv2 import ResNetV2
from medse.nets.sdnet import SDNet
from medse.nets.unet import UNet
from medse.registry import Count, SpatialDims, build_from, check_arguments

NETS: dict[str, type[Network]] = {
    "unet": UNet,
    "fcdensenet": FCDenseNet,
    "sdnet": SDNet,
    "quicknat": QuickNAT,
    "resnet": ResNet,
    "resnetv2": ResNetV2,
    "mobilenetv2": MobileNetV2,
    "densenet": DenseNet,
}
"""Name in a config -> network."""

SEGMENTATION_NETS = {name: net for name, net in NETS.items() if net.task == "segmentation"}
"""Those that label voxels."""

CLASSIFICATION_NETS = {name: net for name, net in NETS.items() if issubclass(net, Classifier)}
"""Those that give an image a class."""


@check_arguments("net")
def build_net(
    net: str | Mapping[str, Any], spatial_dims: SpatialDims, in_channels: Count, out_channels: Count
) -> nn.Module:
    """Build a network with new weights.

    Args:
        net: A name from :data:`NETS`, or a mapping with that ``name`` and options, as in YAML.
        spatial_dims: 2 or 3.
        in_channels: Channels of the image.
        out_channels: Classes, background included.

    Raises:
        InputError: The name or an option is unknown, or the options do not fit each other.

    Example:
        >>> import torch
        >>> net = build_net({"name": "unet", "channels": [8, 16], "attention": "scse"}, 2, 1, 3)
        >>> net(torch.zeros(1, 1, 32, 32)).shape
        torch.Size([1, 3, 32, 32])
    """
    return build_from(NETS, net, DERIVED, "network", spatial_dims, in_channels, out_channels)
