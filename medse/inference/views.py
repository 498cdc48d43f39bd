"""Probabilities of classes: the mean over several views of each image."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from medse.inference.torch_backend import AUTOCAST
from medse.machine import Precision
from medse.nets.outlined import Outlined

SURE = 0.3
"""Probability of the outline above which a pixel counts for where the finding is."""


@dataclass(frozen=True)
class Views:
    """How images are looked at, and in which precision a GPU computes; a CPU computes in float32.

    Attributes:
        mirrors: Axes of the image (0 is the first after the channels), each of which doubles the views.
        zooms: Sizes of each view, 1 as it is; above 1 the middle is enlarged, below 1 the border goes on.
        closer: How often enlarged the surroundings of the outline that an :class:`.Outlined` network draws in the
            whole image are seen too, each above 1 and a view of its own, mirrored like the others.
        precision: What a GPU computes in.
    """

    mirrors: tuple[int, ...]
    zooms: tuple[float, ...]
    closer: tuple[float, ...]
    precision: Callable[[torch.device], Precision]

    def __call__(self, net: nn.Module, images: Tensor, temperature: float = 1.0) -> Tensor:
        """Return the mean probabilities ``(B, K)`` in float32 of images ``(B, C, *S)``.

        Args:
            temperature: What logits are divided by before they become probabilities.
        """
        return (self.logits(net, images) / temperature).softmax(-1).mean(0)

    def logits(self, net: nn.Module, images: Tensor) -> Tensor:
        """Return the logits ``(views, B, K)`` in float32 of images ``(B, C, *S)``.

        Raises:
            TypeError: There are closer views and ``net`` draws no outline.
        """
        dtype = None if images.device.type == "cpu" else AUTOCAST.get(self.precision(images.device))
        found: list[Tensor] = []
        was_training = net.training
        net.eval()
        try:
            with torch.inference_mode(), torch.autocast(images.device.type, dtype, enabled=dtype is not None):
                zoomed = [images if zoom == 1 else _enlarged(images, zoom, None) for zoom in self.zooms]
                if self.closer:
                    if not isinstance(net, Outlined):
                        raise TypeError(
                            f"closer views need a network that draws outlines, not {type(net).__name__}"
                        )
                    middle = middle_of(net.both(images)[1])
                    zoomed += [_enlarged(images, zoom, middle) for zoom in self.closer]
                for view in zoomed:
                    found += [net(mirrored).float() for mirrored in _mirrored(view, self.mirrors)]
        finally:
            net.train(was_training)
        return torch.stack(found)


def _mirrored(images: Tensor, axes: tuple[int, ...]) -> list[Tensor]:
    views = [images]
    for axis in axes:
        views += [view.flip(2 + axis) for view in views]
    return views


def middle_of(drawn: Tensor) -> Tensor:
    """Return the centre of mass of an outline's probabilities, squared, where they are above :data:`SURE`.

    Args:
        drawn: Logits of the outline, ``(B, 1, *M)``.

    Returns:
        ``(B, D)``, from -1 to 1 along each axis of the image, which is 0 where nothing is found.
    """
    share = drawn.float().sigmoid()[:, 0]
    mass = torch.where(share > SURE, share.square(), 0)
    total = mass.flatten(1).sum(1).clamp(min=SURE**2)
    along = []
    for axis, length in enumerate(mass.shape[1:], start=1):
        places = (2 * torch.arange(length, device=mass.device) + 1) / length - 1
        others = [other for other in range(1, mass.ndim) if other != axis]
        along.append((mass.sum(others) * places).sum(1) / total)
    return torch.stack(along, 1)


def _enlarged(images: Tensor, zoom: float, middle: Tensor | None) -> Tensor:
    """Enlarge what is around ``middle`` ``(B, D)``, from -1 to 1; as far as it can be without leaving the image."""
    dims = images.ndim - 2
    matrix = (torch.eye(dims, dims + 1, device=images.device) / zoom).repeat(len(images), 1, 1)
    if middle is not None:
        room = 1 - 1 / zoom
        matrix[:, :, dims] = middle.flip(1).clamp(-room, room)
    points = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, points, padding_mode="border", align_corners=False)
