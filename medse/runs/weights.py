"""Reading and writing what a training learnt, so that damage is found and never becomes a wrong number.

A byte that a disk or a copy got wrong changes a weight and nothing else: neither PyTorch nor safetensors notices.
The archive of a checkpoint has a checksum of each of its members, which is compared here; the final weights carry
a hash of their own.
"""

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from medse.errors import InputError, some
from medse.files import atomic_path
from medse.runs.directory import REMEDY
from medse.tasks.callbacks.recording import RESUME

DIGEST = "sha256"
"""Key of the hash of all tensors in the header of the final weights."""


class DamagedError(InputError):
    """A file does not hold what was once written to it."""


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what a training saved after an epoch; nothing in it is executed.

    Raises:
        DamagedError: It is not whole, or holds something else.
        InputError: It cannot be read.
    """
    damaged = DamagedError(f"{path} is damaged or no checkpoint; {REMEDY}.")
    try:
        with zipfile.ZipFile(path) as archive:
            if not archive.namelist() or archive.testzip() is not None:
                raise damaged
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (MemoryError, DamagedError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise InputError(f"{path} cannot be read ({error.strerror}); {REMEDY}.") from error
        raise damaged from error
    except Exception as error:  # strange bytes make either reader raise nearly anything
        raise damaged from error
    if not isinstance(content, dict) or not isinstance(content.get("state_dict"), dict):
        raise DamagedError(f"{path} is no checkpoint of a training; {REMEDY}.")
    return content


def network_weights(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a checkpoint's tensors that are the network's."""
    return {
        name.removeprefix("net."): value
        for name, value in checkpoint["state_dict"].items()
        if isinstance(name, str) and name.startswith("net.")
    }


def write_weights(path: Path, network: nn.Module) -> None:
    """Write the network's weights, and a hash of them, to ``path``."""
    tensors = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_path(path, RESUME) as temporary:
        save_file(tensors, temporary, {DIGEST: _digest(tensors)})


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors that :func:`write_weights` wrote.

    Raises:
        InputError: The file cannot be read, or is not what was written.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); {REMEDY}.") from error
    if DIGEST in metadata and metadata[DIGEST] != _digest(tensors):
        raise DamagedError(f"{path} is damaged: it does not hold the weights that were written; {REMEDY}.")
    return tensors


def take_weights(network: nn.Module, weights: Mapping[str, Any], path: Path) -> None:
    """Load ``weights`` that came from ``path`` into ``network``.

    Raises:
        InputError: They are those of another network.
    """
    wanted = network.state_dict()
    wrong = [
        name
        for name in wanted.keys() | weights.keys()
        if name not in wanted or not alike(wanted[name], weights.get(name))
    ]
    if wrong:
        raise InputError(
            f"{path} holds the weights of another network than config.yaml describes: {some(set(wrong))} "
            f"{'is' if len(wrong) == 1 else 'are'} missing, not asked for or of another shape; restore both files "
            "of the run, or train again."
        )
    network.load_state_dict(dict(weights))


def alike(wanted: Tensor, found: object) -> bool:
    """Whether ``found`` is a tensor of the shape and type of ``wanted``."""
    return isinstance(found, Tensor) and (found.shape, found.dtype) == (wanted.shape, wanted.dtype)


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
