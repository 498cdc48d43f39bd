"""Layers that MONAI's factories leave to the caller, for 2-D and 3-D alike."""

import math
from collections.abc import Sequence
from typing import Any, Literal

from monai.networks.blocks import Convolution
from pydantic import PositiveInt
from torch import Tensor
from torch.nn import functional as F

from medse.errors import InputError
from medse.norm_act import SLOPE, InstanceNormLeakyReLU
from medse.registry import pick

Norm = Literal["instance", "batch", "group"]
Lengths = PositiveInt | tuple[PositiveInt, ...]
"""A size in voxels: one number for all axes, or one per axis."""
PerLevel = PositiveInt | tuple[Lengths, ...]
"""One number for all resolutions, or an entry per resolution, each one number or one per axis."""
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


def check_spatial_dims(spatial_dims: int) -> None:
    """Raise unless ``spatial_dims`` is 2 or 3.

    Raises:
        InputError: It is something else.
    """
    if spatial_dims not in (2, 3):
        raise InputError(f"spatial_dims is {spatial_dims}; allowed are 2 and 3.")


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


def counts(given: int | tuple[int, ...], levels: int, what: str) -> tuple[int, ...]:
    """Return a count for each resolution.

    Args:
        given: One for all resolutions, or one for each.
        levels: How many are needed.
        what: Name of the option, for the message.

    Raises:
        InputError: There are more or fewer than ``levels``, or one is below 1.
    """
    each = (given,) * levels if isinstance(given, int) else tuple(given)
    if len(each) != levels or min(each) < 1:
        raise InputError(
            f"{what} is {given}; this network takes one number above 0, or {levels} of them; correct it."
        )
    return each


def per_axis(given: Lengths, spatial_dims: int, what: str) -> tuple[int, ...]:
    """Return one number per spatial axis.

    Args:
        given: One number for all, or one per axis.
        spatial_dims: 2 or 3.
        what: Name of the option, for the message.

    Raises:
        InputError: There are more or fewer numbers than axes, or one is below 1.
    """
    lengths = (given,) * spatial_dims if isinstance(given, int) else tuple(given)
    if len(lengths) != spatial_dims or min(lengths) < 1:
        raise InputError(
            f"{what} has the entry {given}; allowed is one number from 1 or one for each of the {spatial_dims} axes."
        )
    return lengths


def per_level(given: PerLevel, levels: int, spatial_dims: int, what: str) -> list[tuple[int, ...]]:
    """Return, for each resolution, one number per spatial axis.

    Args:
        given: One number for all, or an entry per resolution.
        levels: How many entries are needed.
        spatial_dims: 2 or 3.
        what: Name of the option, for the message.

    Raises:
        InputError: There are more or fewer entries than ``levels``, or one does not suit the axes.
    """
    entries = (given,) * levels if isinstance(given, int) else tuple(given)
    if len(entries) != levels:
        raise InputError(
            f"{what} has {len(entries)} entries; this network needs {levels}; give one number for all or that many."
        )
    return [per_axis(entry, spatial_dims, what) for entry in entries]


def odd_kernels(given: PerLevel, levels: int, spatial_dims: int) -> list[tuple[int, ...]]:
    """Return the kernel of each resolution, as :func:`per_level` does.

    Raises:
        InputError: A length is even, so that the kernel has no centre, or as :func:`per_level`.
    """
    kernels = per_level(given, levels, spatial_dims, "kernel_size")
    if any(length % 2 == 0 for kernel in kernels for length in kernel):
        raise InputError(f"kernel_size is {given}; each length must be odd; 3 is usual.")
    return kernels


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


def pad_to_multiple(x: Tensor, multiples: Sequence[int]) -> Tensor:
    """Pad the end of each spatial axis of ``(B, C, *spatial)`` with zeros to a multiple of its ``multiples``."""
    missing = [-size % multiple for size, multiple in zip(x.shape[2:], multiples, strict=True)]
    if not any(missing):
        return x
    return F.pad(x, [n for after in reversed(missing) for n in (0, after)])


def crop_to(x: Tensor, spatial: Sequence[int]) -> Tensor:
    """Undo :func:`pad_to_multiple`: keep the first ``spatial`` voxels of each axis."""
    for axis, size in enumerate(spatial, start=2):
        x = x.narrow(axis, 0, size)
    return x
