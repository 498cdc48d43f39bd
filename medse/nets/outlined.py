"""A second output for a classifier: where in the image the finding is."""

import torch.nn.functional as F
from monai.networks.blocks import Convolution
from monai.networks.layers import Conv
from torch import Tensor, nn

from medse.nets.network import Classifier

CHANNELS = 32
"""Channels to which every feature map is brought."""


class Outlined(Classifier):
    """A classifier that also draws the outline of what it classifies, on the grid of its finest feature map.

    All feature maps are brought to :data:`CHANNELS` channels; from the coarsest to the finest, each is enlarged and
    added to the next, as in a feature pyramid; two convolutions make a logit per pixel of the sum. Learning the
    outline tells the classifier where to look, which the class alone says only in the end; after training, images are
    classified without it at no cost.

    Args:
        net: The classifier; its weights are shared.
        spatial_dims: 2 or 3.

    Shape:
        ``(B, C, *spatial)`` to logits ``(B, K)``; :meth:`outline` takes the feature maps to ``(B, 1, *finest)``.

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
        """Return the classifier's logits of its last map."""
        return self.net.classify(last)

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
