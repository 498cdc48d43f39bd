"""What all blocks share."""

from abc import abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from medse.errors import InputError
from medse.layers.lengths import check_spatial_dims


class AttentionBlock(nn.Module):
    """A block that weighs the features of ``(B, C, *spatial)`` and keeps shape, type and memory format.

    Means and what is computed from them are in float32 or better, whatever autocast is on. Scores per voxel and
    products with the features may be in the features' own type.

    Args:
        spatial_dims: 2 or 3.
        channels: C.

    Raises:
        InputError: ``spatial_dims`` is neither, or ``channels`` is below 1.
    """

    def __init__(self, spatial_dims: int, channels: int) -> None:
        super().__init__()
        check_spatial_dims(spatial_dims)
        if channels < 1:
            raise InputError(f"channels is {channels}; at least 1 is needed.")
        self.spatial_dims = spatial_dims
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` recalibrated, in the same shape and type."""
        device = x.device.type
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return self.recalibrate(x)
        with torch.autocast(device, enabled=False):
            return self.recalibrate(x)

    @abstractmethod
    def recalibrate(self, x: Tensor) -> Tensor:
        """Do the work of :meth:`forward` without autocast."""


def hidden_channels(channels: int, reduction: int) -> int:
    """Return the width of a bottleneck, ``channels // reduction``.

    Raises:
        InputError: It would be 0.
    """
    if not 1 <= reduction <= channels:
        raise InputError(
            f"reduction {reduction} does not fit {channels} channels; allowed are 1 to {channels}; "
            "choose a smaller reduction or a wider network."
        )
    return channels // reduction


def normalize(norm: _BatchNorm, x: Tensor) -> Tensor:
    """Apply batch normalisation to ``(B, C, ...)``.

    One value per channel has no variance: then the running statistics are used, and left as they are, also in
    training.
    """
    x = x.to(norm.weight.dtype)
    if norm.training and x.numel() == x.shape[1]:
        return F.batch_norm(x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps)
    return norm(x)  # type: ignore[no-any-return]
