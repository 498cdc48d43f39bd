"""Weights from local files of PyTorch, safetensors, NumPy and Keras; nothing is downloaded and nothing executed."""

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from medse.errors import InputError, some
from medse.nets.keras_files import read_hdf5, read_keras_archive
from medse.nets.published_weights import load_published_weights

REMEDY = "give a file of weights as its authors published it"
CONTAINERS = ("state_dict", "model", "model_state_dict")
"""Keys under which checkpoints of PyTorch hold the weights of the network."""
PARALLEL = "module."
"""Beginning of all names where a network was trained on several devices."""


def load_weights_file(net: nn.Module, path: Path, *, head: bool = False) -> str:
    """Load published weights from a file into a network.

    Which names it uses is recognised. Where ``net`` takes one channel and the file three, the first convolution is
    summed over them, as :func:`.load_published_weights` says.

    Args:
        net: A network of :data:`.PUBLISHED`.
        path: As :func:`read_weight_file` takes it.
        head: Load the last layer too; without it, that layer stays as it is.

    Returns:
        Whose weights they are and what was done to them.

    Raises:
        InputError: As :func:`read_weight_file` and :func:`.load_published_weights`.
    """
    weights = read_weight_file(path)
    try:
        return load_published_weights(net, weights, head=head, channels="summed")
    except InputError as error:
        raise InputError(f"{path} was not loaded: {error}") from error


def read_weight_file(path: Path) -> dict[str, Tensor]:
    """Return the arrays of a file by name.

    Args:
        path: ``.safetensors``; ``.pth``, ``.pt`` or ``.bin`` of PyTorch; ``.npz`` of NumPy; ``.h5`` or ``.keras`` of
            Keras, which need h5py. Checkpoints of PyTorch may hold the weights under a key of :data:`CONTAINERS`.

    Raises:
        InputError: There is no such file or format, h5py is not installed, the file cannot be read, holds code or
            holds no weights, or a weight is not finite.
    """
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise InputError(
            f"{path} is no file of weights by its name; allowed are {', '.join(READERS)}; {REMEDY}."
        )
    if not path.is_file():
        raise InputError(f"{path} does not exist or is no file; {REMEDY}.")
    try:
        weights = READERS[suffix](path)
    except (InputError, MemoryError):
        raise
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds more than tensors, perhaps code, of which nothing was executed, or is damaged; allowed "
            "are weights alone; save the state dict of the model in it, or give it as .safetensors."
        ) from error
    except Exception as error:  # strange bytes make readers raise nearly anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path} cannot be read as weights ({reason}); {REMEDY}.") from error
    if not weights:
        raise InputError(f"{path} holds no weights; {REMEDY}.")
    strange = [
        name for name, array in weights.items() if array.is_floating_point() and not array.isfinite().all()
    ]
    if strange:
        raise InputError(f"{path} holds weights that are not finite, such as {some(strange)}; {REMEDY}.")
    return weights


def _read_torch(path: Path) -> dict[str, Tensor]:
    content: Any = torch.load(path, map_location="cpu", weights_only=True)
    for key in CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise InputError(f"{path} holds {type(content).__name__}, not weights by name; {REMEDY}.")
    other = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if other:
        raise InputError(f"{path} holds what is no tensor, such as {some(other)}; {REMEDY}.")
    parallel = all(str(name).startswith(PARALLEL) for name in content)
    return {str(name).removeprefix(PARALLEL if parallel else ""): value for name, value in content.items()}


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    with safe_open(path, framework="pt") as file:
        said = file.metadata() or {}
    if "medse" in said:
        raise InputError(
            f"{path} is of a run of medse, and published weights are expected; go on with that run (--resume), or "
            f"{REMEDY}."
        )
    weights: dict[str, Tensor] = load_file(path)
    return weights


def _read_npz(path: Path) -> dict[str, Tensor]:
    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.as_tensor(arrays[name]) for name in arrays.files}


READERS: dict[str, Callable[[Path], dict[str, Tensor]]] = {
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
    ".bin": _read_torch,
    ".npz": _read_npz,
    ".h5": read_hdf5,
    ".keras": read_keras_archive,
}
"""End of a file's name -> what reads it."""
