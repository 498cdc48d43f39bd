"""Networks whose weights and running statistics all matter, and attention whose effect is known."""

from typing import TypeVar

import torch
from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


def randomized(net: Net, seed: int = 0) -> Net:
    """Draw every tensor of ``net`` anew, and return it ready for inference."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in net.state_dict().items():
        if name.endswith("running_var") or (name.endswith("weight") and tensor.ndim == 1):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
        elif tensor.is_floating_point():
            fan = max(1, tensor[0].numel()) if tensor.ndim > 1 else 4
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (2 / fan) ** 0.5)
    return net.eval()


class Sine(nn.Module):
    """Attention that commutes with nothing in a network; it keeps the number of channels it was built for."""

    def __init__(self, _spatial_dims: int, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        assert x.shape[1] == self.channels
        return 2 * x.sin()
