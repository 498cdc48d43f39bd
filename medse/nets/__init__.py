"""Networks: each is built as ``net(spatial_dims, in_channels, out_channels, **options)``.

A new network is one file here and one line in one of the two tables.
"""

from collections.abc import Callable

from torch import nn

from medse.nets.unet import UNet

SEGMENTATION_NETS: dict[str, Callable[..., nn.Module]] = {"unet": UNet}
"""Name in a config -> network from ``(B, in_channels, *spatial)`` to ``(B, out_channels, *spatial)``.

Each has ``stride``, its total step along each axis."""

CLASSIFICATION_NETS: dict[str, Callable[..., nn.Module]] = {}
"""Name -> network from ``(B, in_channels, *spatial)`` to ``(B, out_channels)``."""

NETS = {**SEGMENTATION_NETS, **CLASSIFICATION_NETS}
"""Name -> network."""

DERIVED = frozenset({"self", "spatial_dims", "in_channels", "out_channels"})
"""Parameters of a network that follow from the data."""
