"""Layers that MONAI's factories leave to the caller, for 2-D and 3-D alike."""

from collections.abc import Sequence
from typing import Literal

from monai.networks.blocks import Convolution
from torch import Tensor
from torch.nn import functional as F

from medse.errors import InputError

Norm = Literal["instance", "batch", "group"]
_NORMS: dict[Norm, tuple[str, dict[str, object]]] = {
    "instance": ("instance", {"affine": True}),
    "batch": ("batch", {}),
    "group": ("group", {"num_groups": 8}),
}


def check_spatial_dims(spatial_dims: int) -> None:
    """Raise unless ``spatial_dims`` is 2 or 3.

    Raises:
        InputError: It is something else.
    """
    if spatial_dims not in (2, 3):
        raise InputError(f"spatial_dims is {spatial_dims}; allowed are 2 and 3.")


def conv_norm_act(
    spatial_dims: int,
    in_channels: int,
    out_channels: int,
    *,
    stride: int = 1,
    norm: Norm = "instance",
) -> Convolution:
    """Return 3x3(x3) convolution, normalisation and leaky ReLU, in that order.

    The convolution has no bias: the normalisation would remove it.

    Shape:
        ``(B, in_channels, *spatial)`` to ``(B, out_channels, *ceil(spatial / stride))``.
    """
    return Convolution(
        spatial_dims,
        in_channels,
        out_channels,
        strides=stride,
        kernel_size=3,
        adn_ordering="NA",
        act=("leakyrelu", {"negative_slope": 0.01, "inplace": True}),
        norm=_NORMS[norm],
        bias=False,
    )


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """Pad the end of every spatial axis of ``(B, C, *spatial)`` with zeros to a multiple of ``multiple``."""
    missing = [-size % multiple for size in x.shape[2:]]
    if not any(missing):
        return x
    return F.pad(x, [n for after in reversed(missing) for n in (0, after)])


def crop_to(x: Tensor, spatial: Sequence[int]) -> Tensor:
    """Undo :func:`pad_to_multiple`: keep the first ``spatial`` voxels of each axis."""
    for axis, size in enumerate(spatial, start=2):
        x = x.narrow(axis, 0, size)
    return x
