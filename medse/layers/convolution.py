"""A convolution with its normalisation and activation."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from monai.networks.blocks import Convolution

from medse.layers.lengths import Lengths
from medse.layers.norm_act import SLOPE, InstanceNormLeakyReLU
from medse.registry import pick

Norm = Literal["instance", "batch", "group"]
Act = str | tuple[str, dict[str, Any]]
"""An activation as MONAI's factory takes it."""

GROUPS = 8
"""Groups of the group normalisation, where channels can be divided into so many."""
LEAKY: Act = ("leakyrelu", {"negative_slope": SLOPE, "inplace": True})
_NORMS: dict[str, tuple[str, dict[str, object]]] = {
    "instance": ("instance", {"affine": True}),
    "batch": ("batch", {}),
    "group": ("group", {}),
}


def norm_layer(norm: Norm, channels: Sequence[int]) -> tuple[str, dict[str, object]]:
    """Return a normalisation as MONAI's factory takes it.

    Args:
        norm: Its name.
        channels: All numbers of channels that it is used on; group normalisation has :data:`GROUPS` groups where
            that divides them all, and else as many as their greatest common divisor with it.

    Raises:
        InputError: There is no such normalisation.
    """
    name, options = pick(_NORMS, norm, "norm")
    return name, {**options, "num_groups": math.gcd(GROUPS, *channels)} if norm == "group" else options


def conv_norm_act(
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    *,
    kernel_size: Lengths = 3,
    stride: Lengths = 1,
    norm: Norm = "instance",
    act: Act | None = LEAKY,
    act_first: bool = False,
) -> Convolution:
    """Return convolution, normalisation and activation, in that order.

    The convolution has a bias only with ``act_first``: a normalisation right after it would remove the bias.

    Args:
        spatial_dims: 2 or 3.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Odd lengths of the kernel.
        stride: Step of the convolution.
        norm: Normalisation.
        act: Activation; None for none.
        act_first: Put the activation before the normalisation.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *ceil(spatial / stride))``.
    """
    fused = norm == "instance" and act == LEAKY and not act_first
    order = "AN" if act_first else "NA"
    built = Convolution(
        spatial_dims,
        in_channels,
        out_channels,
        strides=stride,
        kernel_size=kernel_size,
        adn_ordering=order if act else "N",
        act=act,
        norm=norm_layer(norm, [out_channels]),
        bias=act_first,
        conv_only=fused,
    )
    if fused:
        built.add_module("norm_act", InstanceNormLeakyReLU(out_channels))
    return built
