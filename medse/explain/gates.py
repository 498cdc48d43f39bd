"""What the attention of a net lets through: the factor by which each block multiplies its features."""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from medse.arrays import ImageArray
from medse.attention import ATTENTION
from medse.attention.block import AttentionBlock
from medse.registry import check_arguments

SPREAD = 1e-3
"""A gate that varies over the places of an image by less, relative to its mean, is one per channel."""
_TINY = 1e-6
"""What a feature that is 0 is raised to, relative to the largest, so that its factor can be read."""


@dataclass(frozen=True)
class Gates:
    """The factors of one attention block for a batch of images.

    Attributes:
        block: Name of the block in the net.
        mechanism: Its name in :data:`medse.attention.ATTENTION`.
        channels: Mean over all places of the factor of each channel, ``(B, C)``.
        places: Mean over all channels of the factor at each place, ``(B, *spatial)`` on the grid of the feature map;
            None for a block whose factors are the same at every place, as squeeze-and-excitation's are.
    """

    block: str
    mechanism: str
    channels: ImageArray
    places: ImageArray | None


@check_arguments("net", "images")
def attention_gates(net: nn.Module, images: Tensor) -> list[Gates]:
    """Return the gates of every attention block of a net for a batch of images, in the order in which they run.

    A gate is what a block multiplies a feature by: its output over its input. A block made of blocks that run one by
    one (``hybrid``) is shown by these, and one that mixes channels (``scse`` with ``concat``) by its parts. The net
    runs once in evaluation mode; its mode, hooks and gradients are as before afterwards.

    Args:
        net: Any net with attention blocks of medse.
        images: ``(B, C, *spatial)``, prepared as for the net, on its device.

    Example:
        >>> from medse.nets import build_net
        >>> options = {"name": "resnetv2", "channels": 8, "blocks": [1, 1], "strides": 2, "attention": "sse"}
        >>> net = build_net(options, 2, 1, 3)
        >>> [(gates.block, gates.places.shape) for gates in attention_gates(net, torch.rand(1, 1, 64, 64))]
        [('stages.0.0.1.standard', (1, 8, 8)), ('stages.1.0.1.standard', (1, 4, 4))]
    """
    reader = _Reader()
    handles = []
    modes = {module: module.training for module in net.modules()}
    try:
        for name, block in net.named_modules():
            if isinstance(block, AttentionBlock):
                handles.append(block.register_forward_hook(partial(reader.read, name)))
        net.eval()
        with torch.no_grad():
            net(images)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes.items():
            module.training = training
    names = [gates.block for gates in reader.found]
    return [gates for gates in reader.found if not any(name.startswith(f"{gates.block}.") for name in names)]


class _Reader:
    """Takes the gates of a block from its input when it has run."""

    def __init__(self) -> None:
        self.found: list[Gates] = []
        self.reading = False

    def read(self, name: str, block: AttentionBlock, given: tuple[Tensor, ...], _output: Tensor) -> None:
        """Note the gates of ``block``; what runs inside it meanwhile is not noted again."""
        if self.reading:
            return
        self.reading = True
        x = given[0]
        if not _mixes(block, x):
            self.found.append(_gates(name, block, x))
        else:
            self.found += [
                _gates(f"{name}.{part_name}", part, x)
                for part_name, part in block.named_children()
                if isinstance(part, AttentionBlock)
            ]
        self.reading = False


def _gates(name: str, block: AttentionBlock, x: Tensor) -> Gates:
    least = max(float(x.abs().max()) * _TINY, torch.finfo(torch.float32).tiny / _TINY)
    features = torch.where(
        x.abs() < least, least, x.float()
    )  # where a feature is 0, output and input say nothing
    factors = block.forward(features.to(x.dtype)).float() / features.to(x.dtype).float()
    channels = factors.flatten(2).mean(2)
    spread = (factors - channels.reshape(*channels.shape, *(1,) * (x.ndim - 2))).abs().max()
    constant = float(spread) <= SPREAD * float(channels.abs().mean())
    places = None if constant else factors.mean(1).cpu().numpy().astype(np.float32)
    mechanism = next((key for key, kind in ATTENTION.items() if kind is type(block)), type(block).__name__)
    return Gates(name, mechanism, channels.cpu().numpy().astype(np.float32), places)


def _mixes(block: AttentionBlock, x: Tensor) -> bool:
    """Whether a channel that is 0 comes out as anything else: then the block does more than multiply."""
    without = x.clone()
    without[:, 0] = 0
    return bool(block.forward(without)[:, 0].any())
