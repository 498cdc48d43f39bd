"""A trained run applied to scans."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from medse import build
from medse.errors import InputError
from medse.files import refuse_existing
from medse.grid import Grid
from medse.hardware import resolve_device
from medse.inference.segmenter import Segmenter
from medse.preprocess import Preprocessing
from medse.run import RunDir
from medse.volumes.names import case_id, list_volumes
from medse.volumes.reading import read_grid, read_image
from medse.volumes.writing import label_image, write_label_map

Weights = Literal["final", "best"]
WEIGHTS: dict[str, Weights] = {"final": "final", "best": "best"}
"""Name on the command line -> which weights."""


@dataclass(frozen=True)
class LoadedRun:
    """A trained network with everything needed to segment a scan.

    Attributes:
        segmenter: The way from a volume to its label map.
        channels: Channel names the run was trained on, in file order.
    """

    segmenter: Segmenter
    channels: tuple[str, ...]

    def segment(
        self, image: str | Path | npt.NDArray[Any], affine: npt.NDArray[np.float64] | None = None
    ) -> Any:
        """Segment one scan.

        Args:
            image: Path of a NIfTI file; or an array ``(X, Y, Z)``, with several channels ``(X, Y, Z, C)``.
            affine: The array's 4x4 voxel-to-world matrix in mm (RAS+, as nibabel gives it); not for a path.

        Returns:
            A nibabel image with the label map on the scan's own grid, holding the label values of the
            training files. ``np.asarray(result.dataobj)`` is its array; nilearn plots it as it is.

        Raises:
            InputError: The scan cannot be used, or an array comes without its affine.
        """
        channels = len(self.channels)
        if isinstance(image, str | Path):
            if affine is not None:
                raise InputError(
                    f"affine was given with the file {image}; the file has its own; leave it out."
                )
            array, grid = read_image(Path(image), channels)
        else:
            array, grid = _from_array(np.asarray(image), affine, channels)
        return label_image(self.segmenter.segment(array, grid), grid)


def load_run(run_dir: str | Path, *, device: str = "auto", weights: Weights = "final") -> LoadedRun:
    """Load a trained run.

    Args:
        run_dir: Folder that ``medse train`` made.
        device: ``auto``, ``cpu`` or ``cuda``.
        weights: ``final``, the weights after the last step; or ``best``, those of the epoch with the highest
            validation proxy, whose score on the validation cases is biased upwards by that choice.

    Raises:
        InputError: The folder is no run, its training is not complete, or the device does not exist.
    """
    run = RunDir(Path(run_dir))
    config, task = run.read_config(), run.read_task()
    network = build.net(config, len(task.channels), task.labels.classes)
    network.load_state_dict(_weights(run, weights))
    network.to(resolve_device(device)).eval()
    way = Preprocessing(task.spacing_mm, config.data.normalization)
    segmenter = build.segmenter(config, network, way, task.labels, len(task.channels))
    return LoadedRun(segmenter, task.channels)


def predict(
    run_dir: Path, inputs: Sequence[Path], out: Path, *, device: str = "auto", weights: Weights = "final"
) -> Iterator[Path]:
    """Segment NIfTI files and write ``out/<case>.nii.gz`` for each.

    The headers of all files are checked before the first is segmented; each label map is written as a whole.

    Args:
        run_dir: Folder that ``medse train`` made.
        inputs: NIfTI files and folders of them.
        out: Folder of the label maps; must be empty or new.
        device: ``auto``, ``cpu`` or ``cuda``.
        weights: As in :func:`load_run`.

    Yields:
        Each written file.

    Raises:
        InputError: An input cannot be used, two inputs share a case id, or ``out`` is not empty.
    """
    files = collect(inputs)
    refuse_existing(out, "give another --out")
    run = load_run(run_dir, device=device, weights=weights)
    for path in files.values():
        read_grid(path, len(run.channels))
    for name, path in files.items():
        array, grid = read_image(path, len(run.channels))
        target = out / f"{name}.nii.gz"
        write_label_map(target, run.segmenter.segment(array, grid), grid)
        yield target


def collect(inputs: Sequence[Path]) -> dict[str, Path]:
    """Map case id to file for files and folders.

    Raises:
        InputError: An input does not exist or is not NIfTI, or two share a case id.
    """
    files: dict[str, Path] = {}
    for given in inputs:
        if not given.exists():
            raise InputError(f"{given} does not exist; give NIfTI files or folders of them.")
        found = list_volumes(given) if given.is_dir() else {case_id(given): given}
        for name, path in found.items():
            if name in files:
                raise InputError(
                    f"{files[name]} and {path} have the same case id {name!r}; rename one of them."
                )
            files[name] = path
    return files


def _weights(run: RunDir, weights: Weights) -> dict[str, torch.Tensor]:
    path = run.weights if weights == "final" else run.checkpoints / "best.ckpt"
    if not path.is_file():
        raise InputError(
            f"{run.path} has no {path.name}; its training is not complete; finish it with medse train --resume."
        )
    try:
        if weights == "final":
            final: dict[str, torch.Tensor] = load_file(path)
            return final
        state = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    except (SafetensorError, OSError, RuntimeError, KeyError) as error:
        raise InputError(f"{path} cannot be read ({error}); train again or restore the file.") from error
    return {name.removeprefix("net."): tensor for name, tensor in state.items() if name.startswith("net.")}


def _from_array(
    array: npt.NDArray[Any], affine: npt.NDArray[np.float64] | None, channels: int
) -> tuple[npt.NDArray[np.float32], Grid]:
    if affine is None:
        raise InputError(
            "An array was given without its affine; pass affine=image.affine, left and right follow from it."
        )
    if array.ndim not in (3, 4) or (array.shape[3] if array.ndim == 4 else 1) != channels:
        wanted = "(X, Y, Z)" if channels == 1 else f"(X, Y, Z, {channels})"
        raise InputError(f"The array has shape {array.shape}; this run expects {wanted}.")
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise InputError(f"affine is {matrix.tolist()}; expected an invertible 4x4 matrix of finite numbers.")
    if not np.isfinite(array).all():
        raise InputError(
            "The array holds NaN or infinite voxels; every voxel must be a finite number; replace them."
        )
    image = array.reshape(*array.shape[:3], channels).transpose(3, 0, 1, 2).astype(np.float32)
    return image, Grid("the array", array.shape[:3], matrix)
