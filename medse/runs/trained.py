"""A trained run in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # noqa: S403: what torch.load raises for a damaged file
from typing import Any, get_args

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from medse.arrays import AnyArray, FloatArray, ImageArray, LabelArray
from medse.errors import InputError
from medse.inference.segmenter import Segmenter
from medse.preprocess import Preprocessing
from medse.runs import Weights, build
from medse.runs.directory import REMEDY, RunDir
from medse.runs.hardware import resolve_device
from medse.volumes.grid import Grid
from medse.volumes.reading import read_images
from medse.volumes.writing import label_image


@dataclass(frozen=True)
class LoadedRun:
    """A trained network with everything needed to segment a scan.

    Attributes:
        segmenter: Makes a label map of a volume.
        channels: Channel names the run was trained on, in file order.
        oriented: Whether the run was trained on scans that say where the patient's left is.
    """

    segmenter: Segmenter
    channels: tuple[str, ...]
    oriented: bool

    def segment(
        self,
        image: str | Path | Sequence[str | Path] | AnyArray,
        affine: FloatArray | None = None,
    ) -> Any:
        """Segment one scan.

        Args:
            image: Path of a file; a list of paths, one per channel; or an array ``(X, Y, Z)``, with several
                channels ``(X, Y, Z, C)``.
            affine: The array's 4x4 voxel-to-world matrix in mm (RAS+, as nibabel gives it); not for paths.

        Returns:
            A nibabel image with the label map on the scan's own grid, holding the label values of the
            training files. ``np.asarray(result.dataobj)`` is its array; nilearn plots it as it is.

        Raises:
            InputError: The scan cannot be used, or an array comes without its affine.
        """
        if isinstance(image, np.ndarray):
            array, grid = _from_array(image, affine, len(self.channels), self.oriented)
            return label_image(self.segmenter.segment(array, grid), grid)
        if affine is not None:
            raise InputError(f"affine was given with the file {image}; the file has its own; leave it out.")
        files = [image] if isinstance(image, str | Path) else image
        labels, grid = self.segment_files([Path(file) for file in files])
        return label_image(labels, grid)

    def segment_files(self, files: Sequence[Path], *, copy_affine: bool = False) -> tuple[LabelArray, Grid]:
        """Segment one scan from the files of its channels; ``copy_affine`` as in :func:`read_images`.

        Returns:
            The label map ``(X, Y, Z)`` and the scan's grid.
        """
        array, grid = read_images(files, len(self.channels), copy_affine=copy_affine)
        self.check_grid(grid)
        return self.segmenter.segment(array, grid), grid

    def check_grid(self, grid: Grid) -> None:
        """Raise unless a scan on ``grid`` can be segmented.

        It must say as much about left and right as those the run was trained on, and have a similar spacing.
        """
        if self.oriented and not grid.oriented:
            raise InputError(
                f"{grid.source} does not say where the patient's left is, and this run was trained on scans that "
                "do; set the orientation in its header from the scanner's record, or give the original file."
            )
        if grid.oriented and not self.oriented:
            raise InputError(
                f"{grid.source} is a scan with a patient orientation, and this run was trained on images without "
                "one; give images like those, or train on oriented scans."
            )
        self.segmenter.preprocessing.shape(grid, grid.canonical_shape)


def load_run(run_dir: str | Path, *, device: str = "auto", weights: Weights = "final") -> LoadedRun:
    """Load a trained run.

    Args:
        run_dir: Folder that ``medse train`` made.
        device: ``auto``, ``cpu`` or ``cuda``.
        weights: ``final``, the weights after the last step; or ``best``, those of the epoch with the highest
            validation proxy, whose score on the validation cases is biased upwards by that choice.

    Raises:
        InputError: The folder is no run, its training is not complete, or the device does not exist.

    Example:
        >>> run = load_run("run")
        >>> label_map = run.segment("scan.nii.gz")  # a nibabel image on the grid of the scan
        >>> label_map.shape
        (18, 22, 16)
    """
    if weights not in get_args(Weights):
        allowed = " and ".join(get_args(Weights))
        raise InputError(f"Unknown weights {weights!r}; allowed are {allowed}; give one of them.")
    run = RunDir(Path(run_dir))
    config, learnt = run.read_config(), run.read_dataset()
    network = build.net(config, len(learnt.channels), learnt.labels.classes)
    network.load_state_dict(_weights(run, weights))
    network.to(resolve_device(device)).eval()
    preprocessing = Preprocessing(learnt.spacing_mm, config.data.normalization, build.slice_axis(config.data))
    segmenter = build.segmenter(config, network, preprocessing, learnt.labels, len(learnt.channels))
    return LoadedRun(segmenter, learnt.channels, learnt.oriented)


def _weights(run: RunDir, weights: Weights) -> dict[str, torch.Tensor]:
    path = run.weights if weights == "final" else run.checkpoints / "best.ckpt"
    if not path.is_file():
        raise InputError(
            f"{run.path} has no {path.name}; its training is not complete; finish it with medse train --resume."
        )
    if weights == "final":
        try:
            final: dict[str, torch.Tensor] = load_file(path)
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path} cannot be read ({error}); {REMEDY}.") from error
        return final
    state = read_checkpoint(path)["state_dict"]
    return {name.removeprefix("net."): tensor for name, tensor in state.items() if name.startswith("net.")}


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what a training saved after an epoch.

    Raises:
        InputError: The file is damaged, as a power cut may leave it.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        raise InputError(f"{path} is damaged; {REMEDY}.") from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise InputError(f"{path} is no checkpoint of a training; {REMEDY}.")
    return content


def _from_array(
    array: AnyArray, affine: FloatArray | None, channels: int, oriented: bool
) -> tuple[ImageArray, Grid]:
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
    return image, Grid("the array", array.shape[:3], matrix, oriented=oriented)
