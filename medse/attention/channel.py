"""Channel squeeze-and-excitation: one gate per channel, computed from the channel means."""

from pydantic import PositiveInt
from torch import Tensor, nn

from medse.errors import InputError


class SqueezeExcitation(nn.Module):
    """Channel gate with the reduction of Hu et al.

    ``y = x * sigmoid(W2 relu(W1 mean(x) + b1) + b2)``, the mean running over every spatial axis.

    Shape:
        ``(B, C, *spatial)`` in and out, 2-D or 3-D.

    Raises:
        InputError: ``reduction`` is below 1 or larger than ``channels``.

    Reference:
        Hu et al., Squeeze-and-Excitation Networks (CVPR 2018), equations 2-4.
    """

    def __init__(self, spatial_dims: int, channels: int, *, reduction: PositiveInt = 16) -> None:
        super().__init__()
        if not 1 <= reduction <= channels:
            raise InputError(
                f"reduction {reduction} does not fit {channels} channels; allowed are 1 to {channels}; "
                "choose a smaller reduction or a wider network."
            )
        self.spatial_dims = spatial_dims
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)

    def gate(self, x: Tensor) -> Tensor:
        """Return the gate, ``(B, C, 1, ..., 1)``, in [0, 1]."""
        squeezed = x.mean(dim=tuple(range(2, x.ndim)))  # (B, C)
        gate = self.fc2(self.fc1(squeezed).relu()).sigmoid()
        return gate.reshape(*gate.shape, *(1,) * self.spatial_dims)  # type: ignore[no-any-return]

    def forward(self, x: Tensor) -> Tensor:
        """Scale each channel of ``x`` by its gate."""
        return x * self.gate(x)


class ChannelSE(SqueezeExcitation):
    """Channel gate as in Roy et al.: the block of Hu et al. with a reduction of 2.

    Reference:
        Roy et al., Concurrent Spatial and Channel Squeeze & Excitation (MICCAI 2018), section 2.1.
    """

    def __init__(self, spatial_dims: int, channels: int, *, reduction: PositiveInt = 2) -> None:
        super().__init__(spatial_dims, channels, reduction=reduction)
