"""A PyTorch network behind the function that the sliding window calls."""

from typing import Any

import numpy as np
import torch
from torch import nn

from medse.arrays import ImageArray


class TorchBackend:
    """Runs windows through ``net`` in evaluation mode, float32, on the device the net is on.

    Args:
        net: Network in 3-D; or in 2-D, with a ``slice_axis``.
        slice_axis: Spatial axis on which windows have length 1 and that the net does not see; None in 3-D.
    """

    def __init__(self, net: nn.Module, slice_axis: int | None = None) -> None:
        self.net = net
        self.without = () if slice_axis is None else (2 + slice_axis,)

    def __call__(self, windows: ImageArray) -> ImageArray:
        """Return class scores ``(n, K, *window)`` of ``(n, C, *window)``."""
        device = next((p.device for p in self.net.parameters()), torch.device("cpu"))
        was_training = self.net.training
        self.net.eval()
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            seen = torch.from_numpy(windows.squeeze(self.without)).to(device)
            scores: Any = self.net(seen).float().cpu().numpy()
        self.net.train(was_training)
        return np.expand_dims(scores, self.without)
