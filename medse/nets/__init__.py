"""Networks: each is built as ``net(spatial_dims, in_channels, out_channels, **options)``.

A new network is one file here and one line in :data:`NETS`.
"""

from collections.abc import Callable

from torch import nn

from medse.nets.unet import UNet

NETS: dict[str, Callable[..., nn.Module]] = {"unet": UNet}
"""Name in a config -> network."""

DERIVED = frozenset({"self", "spatial_dims", "in_channels", "out_channels"})
"""Parameters of a network that follow from the data."""
