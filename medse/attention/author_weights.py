"""Loading what the authors' own code has saved.

The codes: ai-med/squeeze_and_excitation (cSE, sSE, scSE, P&E); the SE of SimAM's and FcaNet's repositories
(``fc.0``, ``fc.2``); BangguWu/ECANet; houqb/CoordAttention and its MobileNetV2; megvii-research/RG-SENet_SP-SENet;
CBAM as in SimAM's repository.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from medse.attention.block import AttentionBlock
from medse.attention.fca.spectral import SpectralAttention
from medse.attention.table import ATTENTION
from medse.errors import InputError

BASIS = "dct_layer.weight"


def load_author_weights(block: AttentionBlock, state: Mapping[str, Tensor]) -> None:
    """Load the authors' state dict of one block into ours.

    Args:
        block: A block of medse with the same channels and options.
        state: What the authors' module returned as ``state_dict()``, without a prefix.

    Raises:
        InputError: There is no published code of this block, names are missing or unknown, or sizes differ.

    Example:
        >>> block = make_attention({"name": "scse", "reduction": 2}, 3, 16)  # doctest: +SKIP
        >>> load_author_weights(block, torch.load("scse.pt", weights_only=True))  # doctest: +SKIP
    """
    if isinstance(block, SpectralAttention):
        state = _without_basis(block, state)
    kind, own, wanted = type(block).__name__, block.state_dict(), author_names(block)
    names = next((names for names in wanted if set(names.values()) == set(state)), None)
    if names is None:
        raise InputError(
            f"The weights do not belong to {kind} as it was built; given are {', '.join(sorted(state))}; allowed are "
            f"{' or '.join(', '.join(sorted(names.values())) for names in wanted)}; build it as they did."
        )
    for name, tensor in own.items():
        if tensor.numel() != state[names[name]].numel():
            raise InputError(
                f"{names[name]} does not fit {kind} as it was built; its shape is {tuple(state[names[name]].shape)}; "
                f"allowed is {tuple(tensor.shape)}; build the block with the authors' channels and options."
            )
    block.load_state_dict({name: state[names[name]].reshape(tensor.shape) for name, tensor in own.items()})


def author_names(block: AttentionBlock) -> list[dict[str, str]]:
    """Return, for each published code of a block, our state dict's names with theirs.

    Raises:
        InputError: There is none.
    """
    if not block.published:
        raise InputError(
            f"{type(block).__name__} has no published code; weights were given for it; allowed are "
            f"{', '.join(cls.__name__ for cls in ATTENTION.values() if cls.published)}; "
            "use load_state_dict for weights saved by medse."
        )
    return [{name: _translate(name, names) for name in block.state_dict()} for names in block.published]


def _without_basis(block: SpectralAttention, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """Leave out FcaNet's cosines, which we compute, when they are those that ``block`` uses on maps of their size."""
    basis = state.get(BASIS)
    if basis is None:
        return state
    ours = (
        block.filters(tuple(basis.shape[1:])).to(basis) if basis.ndim == 2 + block.spatial_dims - 1 else None
    )
    if ours is None or ours.shape != basis.shape or not torch.allclose(ours, basis, rtol=1e-4, atol=1e-5):
        raise InputError(
            f"{BASIS} holds other cosines than the block uses; its shape is {tuple(basis.shape)}; allowed are those "
            "of the block's selection, components and size; build it with the authors' (below 7 x 7, theirs are all "
            "the mean: selection low with 1 component)."
        )
    return {name: tensor for name, tensor in state.items() if name != BASIS}


def _translate(name: str, names: Mapping[str, str]) -> str:
    """Replace the longest known prefix of ``name``."""
    prefix = max((known for known in names if name.startswith(f"{known}.")), key=len, default="")
    return names[prefix] + name.removeprefix(prefix) if prefix else name
