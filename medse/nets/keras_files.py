"""Files in which Keras keeps weights: HDF5 of any age, and the archives of Keras 3 with HDF5 in them."""

import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from medse.errors import InputError

MEMBER = "model.weights.h5"
"""The weights in an archive; the rest of it describes a model and is not looked at."""
VARIABLES = {1: ("kernel",), 2: ("kernel", "bias"), 4: ("gamma", "beta", "moving_mean", "moving_variance")}
"""How many variables a layer has -> what they are, in the order in which Keras 3 numbers them."""


def read_hdf5(path: Path) -> dict[str, Tensor]:
    """Return the arrays of an HDF5 file by layer and variable, such as ``conv1_conv/kernel``, in Keras' layout.

    Raises:
        InputError: h5py is not installed, or layers hold other variables than those of :data:`VARIABLES`.
    """
    return _read(path, path)


def read_keras_archive(path: Path) -> dict[str, Tensor]:
    """Return the arrays of a ``.keras`` archive as :func:`read_hdf5` does.

    Raises:
        InputError: It holds no weights, or as :func:`read_hdf5`.
    """
    with zipfile.ZipFile(path) as archive:
        if MEMBER not in archive.namelist():
            raise InputError(f"{path} holds no {MEMBER}; give an archive that Keras 3 saved.")
        return _read(io.BytesIO(archive.read(MEMBER)), path)


def _read(file: Path | io.BytesIO, path: Path) -> dict[str, Tensor]:
    try:
        import h5py
    except ImportError as error:
        raise InputError(
            f"{path} needs h5py, which is not installed; install medse[keras-weights], or save the weights as .npz."
        ) from error
    arrays: dict[str, Tensor] = {}

    def visit(place: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or item.dtype.kind != "f" or place.startswith("optimizer"):
            return
        parts = place.split("/")
        if "vars" not in parts:  # a name, as Keras 2 and its format in Keras 3 have it
            arrays["/".join(parts[-2:])] = torch.as_tensor(item[()])
        elif "layers" in parts:  # the rest are counters of metrics
            layer = item.parent.attrs.get("name", parts[-3])
            variables = VARIABLES.get(len(item.parent))
            if variables is None:
                raise InputError(
                    f"{path} has a layer {layer} with {len(item.parent)} variables; layers with 1, 2 and 4 are "
                    "allowed; give a file of ResNet50V2."
                )
            arrays[f"{layer}/{variables[int(parts[-1])]}"] = torch.as_tensor(item[()])

    with h5py.File(file, "r") as opened:
        opened.visititems(visit)
    return arrays
