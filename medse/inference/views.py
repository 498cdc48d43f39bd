"""Probabilities of classes: the mean over several views of each image."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medse.inference.torch_backend import AUTOCAST
from medse.machine import Precision


@dataclass(frozen=True)
class Views:
    """How images are looked at, and in which precision a GPU computes; a CPU computes in float32.

    Attributes:
        mirrors: Axes of the image (0 is the first after the channels), each of which doubles the views.
        zooms: Sizes of each view, 1 as it is; above 1 the middle is enlarged, below 1 the border goes on.
        precision: What a GPU computes in.
    """

    mirrors: tuple[int, ...]
    zooms: tuple[float, ...]
    precision: Callable[[torch.device], Precision]

    def __call__(self, net: nn.Module, images: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the mean probabilities ``(B, K)`` in float32 of images ``(B, C, *S)``.

        Args:
            temperature: What logits are divided by before they become probabilities.
        """
        return (self.logits(net, images) / temperature).softmax(-1).mean(0)

    def logits(self, net: nn.Module, images: Tensor) -> Tensor:
        """Return the logits ``(views, B, K)`` in float32 of images ``(B, C, *S)``."""
        dtype = None if images.device.type == "cpu" else AUTOCAST.get(self.precision(images.device))
        found: list[Tensor] = []
        was_training = net.training
        net.eval()
        try:
            with torch.inference_mode(), torch.autocast(images.device.type, dtype, enabled=dtype is not None):
                for zoom in self.zooms:
                    zoomed = images if zoom == 1 else _zoomed(images, zoom)
                    for view in _mirrored(zoomed, self.mirrors):
                        found.append(net(view).float())
        finally:
            net.train(was_training)
        return torch.stack(found)


def _mirrored(images: Tensor, axes: tuple[int, ...]) -> list[Tensor]:
    views = [images]
    for axis in axes:
        views += [view.flip(2 + axis) for view in views]
    return views


def _zoomed(images: Tensor, zoom: float) -> Tensor:
    dims = images.ndim - 2
    matrix = torch.eye(dims, dims + 1, device=images.device) / zoom
    points = F.affine_grid(matrix.expand(len(images), -1, -1), list(images.shape), align_corners=False)
    return F.grid_sample(images, points, padding_mode="border", align_corners=False)
