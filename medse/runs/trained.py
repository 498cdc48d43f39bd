"""A trained run in memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from medse.arrays import LabelArray
from medse.config.classification import ClassificationConfig
from medse.config.run import SegmentationConfig
from medse.errors import InputError
from medse.files import given_path
from medse.inference.segmenter import Segmenter
from medse.inference.window import Progress
from medse.machine import memory_for
from medse.preprocess import Preprocessing
from medse.registry import check_arguments
from medse.runs import Weights, build
from medse.runs.directory import RunDir
from medse.runs.hardware import resolve_device
from medse.runs.trained_classifier import LoadedClassifier, is_ensemble, load_classifier
from medse.runs.weights import load_weights
from medse.volumes.entrance import open_channels
from medse.volumes.formats.opened import Opened
from medse.volumes.grid import Grid
from medse.volumes.names import PICTURES, suffix_of
from medse.volumes.reading import grids_of, images_of, open_volume
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

    def segment(self, image: Any, affine: Any = None, *, progress: Progress | None = None) -> Any:
        """Segment one scan.

        Args:
            image: The path of a file; a nibabel or SimpleITK image; a MONAI ``MetaTensor``; or, with ``affine``, a
                NumPy array ``(X, Y, Z)``, of several channels ``(X, Y, Z, C)``, or a tensor. Tensors are always
                ``(C, X, Y, Z)``. A list of any of these has one for each channel.
            affine: The 4x4 voxel-to-world matrix of an array or plain tensor in mm (RAS+, as nibabel gives it).
            progress: Called after each batch of windows with how many are done and how many there are.

        Returns:
            A nibabel image with the label map on the scan's own grid, holding the label values of the
            training files. ``np.asarray(result.dataobj)`` is its array; nilearn plots it as it is.

        Raises:
            InputError: The scan is none of these, or cannot be used: arrays and images are refused for what files
                are refused for.
        """
        volumes = open_channels(image, affine, oriented=self.oriented)
        labels, grid = self._segment(volumes, None, progress)
        return label_image(labels, grid)

    def classify(
        self,
        image: Any,  # noqa: ARG002
        affine: Any = None,  # noqa: ARG002
        *,
        slice: int | None = None,  # noqa: ARG002
    ) -> NoReturn:
        """Refuse: a run of this task labels voxels.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"This run labels the voxels of a scan as {', '.join(self.segmenter.labels.names)} and gives no image a "
            "class; use segment(image), or a run of task classification."
        )

    def segment_files(
        self, files: Sequence[Path], *, copy_affine: bool = False, progress: Progress | None = None
    ) -> tuple[LabelArray, Grid]:
        """Segment one scan from the files of its channels.

        Args:
            copy_affine: As in :func:`read_grids`.
            progress: Called with how many windows are done and how many there are.

        Returns:
            The label map ``(X, Y, Z)`` and the scan's grid.
        """
        return self._segment([open_volume(path) for path in files], copy_affine, progress)

    def _segment(
        self, volumes: Sequence[Opened], copy_affine: bool | None, progress: Progress | None = None
    ) -> tuple[LabelArray, Grid]:
        grid, _ = grids_of(volumes, len(self.channels), copy_affine=copy_affine)
        self.check_grid(grid)
        with memory_for(grid.source):
            array = images_of(volumes, grid)
        return self.segmenter.segment(array, grid, progress), grid

    def check_grid(self, grid: Grid) -> None:
        """Raise unless a scan on ``grid`` can be segmented.

        It must say as much about left and right as those the run was trained on, and have a similar spacing.
        """
        if self.oriented and suffix_of(Path(grid.source)) in PICTURES:
            raise InputError(
                f"{grid.source} is a picture, and this run was trained on scans that say where left is; "
                "give the scan in its original file."
            )
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


@check_arguments()
def load_run(
    run_dir: str | Path, *, device: str = "auto", weights: Weights = "final"
) -> LoadedRun | LoadedClassifier:
    """Load a trained run.

    Args:
        run_dir: Folder that ``medse train`` made.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` and so on, or ``mps``.
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
    run = RunDir(given_path(run_dir))
    if not is_ensemble(run.path):
        config = run.read_config()
        if not isinstance(config, ClassificationConfig):
            return load_segmenter(run, config, device=device, weights=weights)
    return load_classifier(run.path, device=device, weights=weights)


def load_segmenter(run: RunDir, config: SegmentationConfig, *, device: str, weights: Weights) -> LoadedRun:
    """Load a run that labels voxels, as :func:`load_run`."""
    learnt = run.read_dataset()
    network = build.net(config, len(learnt.channels), learnt.labels.classes)
    load_weights(run, weights, network, "net")
    network.to(resolve_device(device)).eval()
    preprocessing = Preprocessing(learnt.spacing_mm, config.data.normalization, build.slice_axis(config.data))
    segmenter = build.segmenter(config, network, preprocessing, learnt.labels, len(learnt.channels))
    return LoadedRun(segmenter, learnt.channels, learnt.oriented)
