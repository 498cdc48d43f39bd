"""How features flow through an encoder-decoder that up-samples and concatenates."""

import torch
from torch import Tensor, nn

from medse.layers.convolution import Norm
from medse.layers.padding import pad_to_multiple
from medse.nets.blocks.coarsest import refuse_one_voxel
from medse.nets.blocks.heads import Heads


class EncoderDecoder(nn.Module):
    """The common way of U-Net and FC-DenseNet; each builds the parts.

    Attributes:
        stride: Total step along each axis; input is padded inside to a multiple of it.
        norm: Normalisation of the network.
        encoders: Blocks, finest first; the last one is the bottleneck.
        skips: What each skipped map passes, finest first.
        ups: Up-sampling of each block's result to the next finer resolution, coarsest first.
        decoders: Blocks that take the skipped map and, after it, the up-sampled one, coarsest first.
        heads: From the decoders' results to logits.
    """

    stride: tuple[int, ...]
    norm: Norm
    encoders: nn.ModuleList
    skips: nn.ModuleList
    ups: nn.ModuleList
    decoders: nn.ModuleList
    heads: Heads

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """Return logits.

        Args:
            x: ``(B, in_channels, *spatial)``, of any spatial size.

        Returns:
            ``(B, out_channels, *spatial)``; in training mode with deep supervision a list, see :class:`Heads`.

        Raises:
            InputError: The bottleneck would be one voxel, which the norm cannot normalise.
        """
        refuse_one_voxel(x, self.stride, self.norm, training=self.training)
        spatial = x.shape[2:]
        x = pad_to_multiple(x, self.stride)
        kept = []
        for encoder in self.encoders:
            x = encoder(x)
            kept.append(x)
        skipped = [skip(features) for skip, features in zip(self.skips, kept[:-1], strict=True)]
        decoded = []
        for up, decoder in zip(self.ups, self.decoders, strict=True):
            x = decoder(torch.cat((skipped.pop(), up(x)), dim=1))  # (B, C, *finer spatial)
            decoded.append(x)
        logits: Tensor | list[Tensor] = self.heads(decoded, spatial)
        return logits
