"""The names that QuickNAT's authors gave to its weights."""

from torch import nn

from medse.attention.author_weights import author_names
from medse.attention.channel import SqueezeExcitation
from medse.attention.concurrent import ConcurrentSE
from medse.attention.spatial import SpatialSE
from medse.errors import InputError
from medse.nets.quicknat import QuickNAT

QUICKNAT_UNUSED = ("bottleneck.SELayer.",)
"""Beginnings of the authors' names of weights that their network holds and never applies."""

_DECODERS = ("decode4", "decode1", "decode2", "decode3")
"""Their names in the order in which they are applied, coarsest first."""


def quicknat_names(net: QuickNAT) -> dict[str, str]:
    """Return, for each name in the state dict of ``net``, that of ai-med/quickNAT_pytorch.

    Raises:
        InputError: ``net`` has weights that theirs does not have: of another attention than cse, sse and scse, or
            of attention on its skip connections or after its middle block.
    """
    blocks = {f"encoders.{index}.layers": f"encode{index + 1}" for index in range(len(net.encoders))}
    blocks |= {f"decoders.{index}.layers": name for index, name in enumerate(_DECODERS)}
    names = {f"heads.0.conv.{name}": f"classifier.conv.{name}" for name in ("weight", "bias")}
    for ours, theirs in [*blocks.items(), ("bottleneck", "bottleneck")]:
        dense = net.get_submodule(f"{ours}.0")
        names |= {f"{ours}.0.{name}": f"{theirs}.{_in_block(name)}" for name in dense.state_dict()}
    for ours, theirs in blocks.items():
        names |= {
            f"{ours}.1.{name}": f"{theirs}.SELayer.{published}"
            for name, published in _of_attention(net.get_submodule(f"{ours}.1")).items()
        }
    unknown = next((name for name in net.state_dict() if name not in names), None)
    if unknown is not None:
        raise InputError(
            f"The published QuickNAT has no weight like {unknown} of this network; its attention is cse, sse, scse "
            "or none, and stands after its encoder and decoder blocks; build the network like that."
        )
    return names


def _in_block(name: str) -> str:
    """Translate a name in a dense block, such as ``convs.0.conv.weight`` to ``conv1.weight``."""
    match name.split("."):
        case ["norms", index, rest]:
            return f"batchnorm{int(index) + 1}.{rest}"
        case ["convs", index, "conv", rest]:
            return f"conv{int(index) + 1}.{rest}"
        case _:
            return name.replace("activation", "prelu")


def _of_attention(attention: nn.Module) -> dict[str, str]:
    """Return the names in attention of the authors with theirs, nothing for any other."""
    if isinstance(attention, SqueezeExcitation | SpatialSE | ConcurrentSE):
        return author_names(attention)[0]
    return {}
