"""A PyTorch network behind the function that the sliding window calls."""

from typing import Any

import numpy as np
import torch
from torch import nn

from medse.volumes.reading import FloatArray


class TorchBackend:
    """Runs windows through ``net`` in evaluation mode, float32, on the device the net is on."""

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    def __call__(self, windows: FloatArray) -> FloatArray:
        """Return class scores ``(n, K, *patch)`` of ``(n, C, *patch)``."""
        device = next((p.device for p in self.net.parameters()), torch.device("cpu"))
        was_training = self.net.training
        self.net.eval()
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            scores: Any = self.net(torch.from_numpy(windows).to(device)).float().cpu().numpy()
        self.net.train(was_training)
        return np.asarray(scores)
