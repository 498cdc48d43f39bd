"""From decoder features to logits, at one resolution or several."""

from collections.abc import Sequence

from monai.networks.blocks import Convolution
from torch import Tensor, nn

from medse.layers.padding import crop_to


class Heads(nn.ModuleList):
    """A 1x1(x1) convolution to logits for the finest decoder block, or for every one under deep supervision.

    Args:
        spatial_dims: 2 or 3.
        channels: Channels of the decoder blocks, coarsest first.
        out_channels: Classes including background.
        deep_supervision: While training, also return logits of the coarser blocks. They cover what the input was
            padded with, so train on sizes that divide by the network's stride.

    Reference:
        Lee et al., Deeply-Supervised Nets (AISTATS 2015); per resolution as in Isensee et al., nnU-Net (2021).
    """

    def __init__(
        self, spatial_dims: int, channels: Sequence[int], out_channels: int, *, deep_supervision: bool
    ) -> None:
        self.deep_supervision = deep_supervision
        supervised = channels if deep_supervision else channels[-1:]
        super().__init__(
            Convolution(spatial_dims, count, out_channels, kernel_size=1, conv_only=True)
            for count in supervised
        )

    def forward(self, decoded: Sequence[Tensor], spatial: Sequence[int]) -> Tensor | list[Tensor]:
        """Return logits.

        Args:
            decoded: Features ``(B, C, *spatial)`` of the decoder blocks, coarsest first.
            spatial: The size that the finest logits are cropped to.

        Returns:
            ``(B, out_channels, *spatial)``; in training mode under deep supervision a list, finest first, of which
            the coarser ones are not cropped.
        """
        *coarser, finest = self
        logits: Tensor = crop_to(finest(decoded[-1]), spatial)
        if not (self.training and self.deep_supervision):
            return logits
        return [logits, *reversed([head(map_) for head, map_ in zip(coarser, decoded[:-1], strict=True)])]
