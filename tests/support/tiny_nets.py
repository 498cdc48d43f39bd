"""Options that make every network tiny, so that all of them can be run with every attention block."""

from typing import Any

import torch
from torch import Tensor, nn

from medse.nets import NETS
from medse.nets.network import DERIVED
from medse.registry import options_model

TINY: dict[str, dict[str, Any]] = {
    "unet": {"channels": (16, 32, 32)},
    "fcdensenet": {"depth": 3, "growth": 16, "layers": 2, "init_channels": 16},
    "sdnet": {"channels": (16, 32), "kernel_size": 3},
    "quicknat": {"channels": 16, "kernel_size": 3, "strides": (2, 2, 1, 1), "dropout": 0.0},
    "resnet": {"depth": 18, "channels": 16},
    "resnetv2": {"channels": 8, "blocks": (1, 2, 1, 1)},
    "mobilenetv2": {"width": 0.25},
    "densenet": {"blocks": (2, 2, 1, 1), "growth": 8, "init_channels": 16},
}
"""Network -> options; its own defaults for one that is not here."""

SIZES = {
    "segmentation": ((12, 12, 16), (9, 13, 11), (17, 5, 3)),
    "classification": ((29, 30, 40), (33, 35, 31)),
}
"""Task -> sizes to run a network at, of which 2-D networks get the last two axes. The first divides by the stride of
segmentation networks."""

SMALLER = ((20, 24, 40), (33, 13, 1), (9, 13, 11))
"""Sizes of the classifiers that take them."""

COARSE: dict[str, dict[str, Any]] = {
    "resnet": {"strides": (2, 2, 1, 1, 1, 1)},
    "resnetv2": {"strides": (2, 2, 1, 1, 1, 1)},
    "mobilenetv2": {"strides": (2, 1, 2, 1, 1, 1, 1, 1)},
    "densenet": {"blocks": (2, 2)},
}
"""Options with which the first size has no map of one or two voxels along its axes: of those, oneDNN may leave the
gradient of a convolution's weights in bf16 partly unwritten (torch 2.13 on a CPU)."""


def sizes(name: str, spatial_dims: int) -> list[tuple[int, ...]]:
    """Sizes to run a network at."""
    found = SMALLER if name in ("resnet", "resnetv2", "mobilenetv2") else SIZES[NETS[name].task]
    return [size[-spatial_dims:] for size in found]


def build(name: str, spatial_dims: int, attention: Any, **options: Any) -> nn.Module:
    """Build a network of 2 input and 3 output channels with fixed weights.

    FCA has no biases: with a hidden layer of one unit it may pass no gradient at all, so it gets more units.
    """
    torch.manual_seed(0)
    chosen = {"name": attention, "reduction": 2} if attention == "fca" else attention
    return NETS[name](spatial_dims, 2, 3, **{**TINY.get(name, {}), "attention": chosen, **options})


def image(name: str, spatial_dims: int, batch: int = 2) -> Tensor:
    """A random batch of the first size."""
    torch.manual_seed(1)
    return torch.randn(batch, 2, *sizes(name, spatial_dims)[0])


def has(name: str, *options: str) -> bool:
    """Whether a network has all of these options."""
    return set(options) <= options_model(NETS[name], DERIVED).model_fields.keys()
