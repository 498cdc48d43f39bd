"""A second output for a classifier, where in the image the finding is, and its first output from there."""

import torch.nn.functional as F
from monai.networks.blocks import Convolution
from monai.networks.layers import Conv, Pool
from torch import Tensor, nn

from medse.nets.network import Classifier

CHANNELS = 32
"""Channels to which every feature map is brought."""
BESIDE = 0.01
"""What a place far from the outline weighs, where one within weighs 1."""


class Outlined(Classifier):
    """A classifier that also draws the outline of what it classifies, on the grid of its finest feature map.

    All feature maps are brought to :data:`CHANNELS` channels; from the coarsest to the finest, each is enlarged and
    added to the next, as in a feature pyramid; two convolutions make a logit per pixel of the sum.

    The class is that of the place: the last feature map is averaged with weights, the probability that a cell or one
    beside it lies within the outline, where a classifier alone averages all of it. So the rest of the image, by which
    a network can recognise the patients that it was trained on, has little say. Where no outline is found, all cells
    weigh alike. The weights have no gradient: the outline is learnt from outlines alone.

    Args:
        net: The classifier; its weights are shared.
        spatial_dims: 2 or 3.

    Shape:
        ``(B, C, *spatial)`` to logits ``(B, K)``; :meth:`both` gives those of the outline too, ``(B, 1, *finest)``.

    Reference:
        Lin et al., Feature Pyramid Networks for Object Detection (CVPR 2017), section 3; Caruana, Multitask
        Learning (Machine Learning 1997) for the second target.
    """

    def __init__(self, net: Classifier, spatial_dims: int) -> None:
        super().__init__()
        self.net = net
        self.norm = net.norm
        self.map_channels = net.map_channels
        self.last_map = f"net.{net.last_map}"
        self.smooth = "bilinear" if spatial_dims == 2 else "trilinear"
        self.largest = Pool["max", spatial_dims](3, stride=1, padding=1)
        self.lateral = nn.ModuleList(
            Conv["conv", spatial_dims](channels, CHANNELS, 1) for channels in net.map_channels
        )
        self.draw = nn.Sequential(
            nn.ReLU(),
            Convolution(spatial_dims, CHANNELS, CHANNELS, adn_ordering="A", act="relu"),
            Conv["conv", spatial_dims](CHANNELS, 1, 1),
        )

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Return those of the classifier."""
        return self.net.feature_maps(x)

    def classify(self, last: Tensor) -> Tensor:
        """Return the classifier's logits of its last map, as it was weighted or not."""
        return self.net.classify(last)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of the classes (see Shape)."""
        return self.both(x)[0]

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of the classes and of the outline (see Shape)."""
        maps = self.feature_maps(x)
        drawn = self.outline(maps)
        return self.classify(maps[-1] * self._within(drawn, maps[-1].shape[2:])), drawn

    def _within(self, drawn: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Return the weight of each cell of a map of ``shape``, 1 on average: ``(B, 1, *shape)``."""
        share = F.interpolate(drawn.detach().sigmoid(), shape, mode="area")
        beside: Tensor = self.largest(share) + BESIDE
        return beside / beside.mean(dim=tuple(range(2, beside.ndim)), keepdim=True)

    def outline(self, maps: list[Tensor]) -> Tensor:
        """Return the logit ``(B, 1, *finest)`` that a pixel lies within the outline."""
        total: Tensor | None = None
        for found, lateral in zip(reversed(maps), reversed(self.lateral), strict=True):
            here = lateral(found)
            if total is not None:
                here = here + F.interpolate(total, here.shape[2:], mode=self.smooth, align_corners=False)
            total = here
        drawn: Tensor = self.draw(total)
        return drawn
