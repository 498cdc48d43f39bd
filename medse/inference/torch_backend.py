"""A PyTorch network behind the sliding window."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from medse.arrays import ImageArray
from medse.inference.window import ArraySums, Place, Sums
from medse.machine import Precision

AUTOCAST: dict[Precision, torch.dtype] = {"bf16": torch.bfloat16, "fp16": torch.float16}
"""What a GPU computes in where that is not float32."""
MOST_OF_GPU = 0.5
"""Share of a GPU's free memory that the sums may take; the network needs some for its own maps."""


class TorchBackend:
    """Runs windows through ``net`` in evaluation mode, on the device the net is on: on a CPU in float32.

    Args:
        net: Network in 3-D; or in 2-D, with a ``slice_axis``.
        slice_axis: Spatial axis on which windows have length 1 and that the net does not see; None in 3-D.
        precision: What a GPU computes in; float32 without it. Scores are added up in float32 in any case.
    """

    def __init__(
        self,
        net: nn.Module,
        slice_axis: int | None = None,
        precision: Callable[[torch.device], Precision] = lambda _device: "fp32",
    ) -> None:
        self.net = net
        self.without = () if slice_axis is None else (2 + slice_axis,)
        self.precision = precision

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next((p.device for p in self.net.parameters()), torch.device("cpu"))

    def scores(self, windows: ImageArray) -> Tensor:
        """Return class scores ``(n, K, *window)`` of ``(n, C, *window)`` in float32, on the network's device."""
        device = self.device
        dtype = None if device.type == "cpu" else AUTOCAST.get(self.precision(device))
        was_training = self.net.training
        self.net.eval()
        try:
            with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype is not None):
                seen = torch.from_numpy(windows.squeeze(self.without)).to(device)
                found: Tensor = self.net(seen).float()
        finally:
            self.net.train(was_training)
        for axis in self.without:
            found = found.unsqueeze(axis)
        return found

    def __call__(self, windows: ImageArray) -> ImageArray:
        """Return the scores as an array."""
        array: ImageArray = self.scores(windows).cpu().numpy()
        return array

    def sums(self, shape: tuple[int, ...]) -> Sums:
        """Return sums in the memory of the GPU that the network is on, if they fit there, else in NumPy."""
        device = self.device
        if device.type != "cuda":
            return ArraySums(self, shape)
        free, _ = torch.cuda.mem_get_info(device)
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        fits = 4 * np.prod(shape, dtype=np.float64) < MOST_OF_GPU * free
        return TensorSums(self, shape, device) if fits else ArraySums(self, shape)


class TensorSums:
    """Sums in the memory of a device, copied from there once at the end."""

    def __init__(self, backend: TorchBackend, shape: tuple[int, ...], device: torch.device) -> None:
        self.backend = backend
        self.total = torch.zeros(shape, device=device)

    def add(self, windows: ImageArray, places: Sequence[Place]) -> None:
        for place, scores in zip(places, self.backend.scores(windows), strict=True):
            lines = torch.from_numpy(np.concatenate(place.shares)).to(self.total.device)
            share = torch.ones((), device=self.total.device)
            for line in torch.split(lines, [len(line) for line in place.shares]):
                share = share[..., None] * line
            every = slice(None)
            self.total[(every, *place.here)].addcmul_(scores[(every, *place.inside)], share)

    def array(self) -> ImageArray:
        array: ImageArray = self.total.cpu().numpy()
        return array
