"""What is explained: a trained run, of one network or of several together."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from medse.arrays import FloatArray, ImageArray
from medse.data.images.loading import ImageLoader
from medse.explain.grad_cam import grad_cam


@runtime_checkable
class TrainedClassifier(Protocol):
    """What is needed of a run, as :func:`medse.load_run` gives it for ``task: classification``."""

    @property
    def nets(self) -> tuple[nn.Module, ...]: ...
    @property
    def loader(self) -> ImageLoader: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def temperature(self) -> float: ...
    def probabilities(self, images: Sequence[Any]) -> FloatArray: ...


class Together(nn.Module):
    """The networks of a run as one, of one view: logits ``(B, K)`` whose softmax is their mean probability."""

    def __init__(self, run: TrainedClassifier) -> None:
        super().__init__()
        self.nets = nn.ModuleList(run.nets)
        self.temperature = run.temperature

    def forward(self, x: Tensor) -> Tensor:
        """Return the logarithms of the mean probabilities of images ``(B, C, *spatial)``."""
        each = [(net(x).float() / self.temperature).log_softmax(1) for net in self.nets]
        return torch.stack(each).logsumexp(0)


def heat_maps(run: TrainedClassifier, images: Tensor, classes: Sequence[int]) -> ImageArray:
    """Return the Grad-CAM of a class for each prepared image, ``(B, *spatial)`` from 0 to 1.

    That of several networks is the mean of theirs, divided by its maximum.

    Args:
        images: ``(B, C, *spatial)`` on the run's device.
        classes: For each image, the index of the class.
    """
    if len(run.nets) == 1:
        return grad_cam(run.nets[0], images, classes)
    mean = np.mean([grad_cam(net, images, classes) for net in run.nets], axis=0)
    most = mean.max(axis=tuple(range(1, mean.ndim)), keepdims=True)
    scaled: ImageArray = mean / np.where(most > 0, most, 1)
    return scaled
