"""What attention adds to an existing net: a child with the blocks, and a new ``forward`` on each chosen module."""

from typing import Any

from torch import nn

CONTAINER = "attached_attention"
"""Name of the child of the net that holds the blocks."""


class AttachedAttention(nn.Module):
    """Holds the blocks that :func:`medse.attention.attach` made, as a child of the net.

    The block behind ``encoder.0.conv`` is its child ``encoder/0/conv``, so the state dict of the net calls the
    tensors of that block ``attached_attention.encoder/0/conv.*``. As the last layer of an ``nn.Sequential`` it
    returns what it is given.
    """

    def forward(self, x: Any) -> Any:
        """Return ``x``."""
        return x


class AttendedForward:
    """Stands as ``forward`` on a chosen module and passes the output of the class's own through the block.

    An attribute of the module is used and no forward hook, because compiled code checks the former and not
    the latter: with hooks, a net would run the code that was compiled for another one without attention.
    An object is used and no function, so that the copy of a net refers to the copied block.
    """

    def __init__(self, module: nn.Module, block: nn.Module) -> None:
        self.module = module
        self.block = block

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        return self.block(type(self.module).forward(self.module, *inputs, **options))


def keep_values_if_absent(block: nn.Module, state: dict[str, Any], prefix: str, *_: object) -> None:
    """Let a state dict that has not one tensor of the block leave the block as it is."""
    if not any(key.startswith(prefix) for key in state):
        state.update({prefix + key: value for key, value in block.state_dict().items()})
