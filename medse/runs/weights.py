"""Reading and writing what a training learnt, so that damage is found and never becomes a wrong number.

A byte that a disk or a copy got wrong changes a weight and nothing else: neither PyTorch nor safetensors notices.
The archive of a checkpoint has a checksum of each of its members, which is compared here; the final weights carry
a hash of their own. Both say which run they belong to: those of another fold fit the same network.
"""

import hashlib
import json
import os
import shlex
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
from medse.runs import Weights
from medse.runs.directory import REMEDY, RunDir
from medse.tasks.callbacks.recording import BEST, RESUME, RUN_ID

HEADER = "medse"
"""Key of what the header of the final weights says of them, a JSON object: safetensors shuffles several keys."""

DIGEST = "sha256"
"""Key of the hash of all tensors in that object."""

FOREIGN = "belongs to another run"
"""What is wrong with weights that were put where those of a run should be."""


class DamagedError(InputError):
    """A file does not hold what its run once wrote to it; ``what`` is wrong with it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path} {what}; {REMEDY}.")
        self.what = what


def read_checkpoint(path: Path, run_id: str) -> dict[str, Any]:
    """Return what the training of the run ``run_id`` saved after an epoch; nothing in it is executed.

    Raises:
        DamagedError: It is not whole, holds something else, or belongs to another run.
        InputError: It cannot be read.
    """
    _check_file(path)
    damaged = DamagedError(path, "is damaged or no checkpoint")
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
        raise DamagedError(path, "is no checkpoint of a training")
    if content.get(RUN_ID) != run_id:
        raise DamagedError(path, FOREIGN)
    return content


def network_weights(checkpoint: Mapping[str, Any], module: str) -> dict[str, Any]:
    """Return the part of a checkpoint's tensors that are those of ``module`` of its task."""
    prefix = f"{module}."
    return {
        name.removeprefix(prefix): value
        for name, value in checkpoint["state_dict"].items()
        if isinstance(name, str) and name.startswith(prefix)
    }


def load_weights(run: RunDir, weights: Weights, network: nn.Module, kept: str) -> None:
    """Load the weights that were asked for into ``network``.

    Args:
        kept: Name of the module in whose place a checkpoint has them.

    Raises:
        InputError: The training is not complete, or the file is damaged or of another run.
    """
    path = run.weights if weights == "final" else run.checkpoints / BEST
    if not os.path.lexists(path):
        if weights == "best":
            raise InputError(
                f"{run.path} has no {path.name}; none of its epochs was validated; take the final weights, or train "
                "on until one is."
            )
        words = [run.config, "--run", run.path, "--fold", run.read_fold(), "--resume"]
        raise InputError(
            f"{run.path} has no {path.name}; its training is not complete; finish it with medse train "
            f"{shlex.join(map(str, words))}."
        )
    run_id = run.read_identity()
    found = (
        read_weights(path, run_id)
        if weights == "final"
        else network_weights(read_checkpoint(path, run_id), kept)
    )
    take_weights(network, found, path)


def write_weights(path: Path, network: nn.Module, run_id: str) -> None:
    """Write the network's weights, a hash of them and which run they belong to, to ``path``."""
    tensors = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    with atomic_path(path, RESUME) as temporary:
        save_file(tensors, temporary, {HEADER: json.dumps({RUN_ID: run_id, DIGEST: _digest(tensors)})})


def read_weights(path: Path, run_id: str) -> dict[str, Tensor]:
    """Return the tensors that :func:`write_weights` wrote at the end of the run ``run_id``.

    Raises:
        InputError: The file cannot be read, is not what was written, or belongs to another run.
    """
    _check_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            said = json.loads((file.metadata() or {}).get(HEADER, "{}"))
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); {REMEDY}.") from error
    if not isinstance(said, dict) or said.get(RUN_ID) != run_id:
        raise DamagedError(path, FOREIGN)
    if said.get(DIGEST) != _digest(tensors):
        raise DamagedError(path, "is damaged: it does not hold the weights that were written")
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
            "of the run, or train again with another run folder (--run)."
        )
    network.load_state_dict(dict(weights))


def alike(wanted: Tensor, found: object) -> bool:
    """Whether ``found`` is a tensor of the shape and type of ``wanted``."""
    return isinstance(found, Tensor) and (found.shape, found.dtype) == (wanted.shape, wanted.dtype)


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise DamagedError(path, "is no file")


def _digest(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
