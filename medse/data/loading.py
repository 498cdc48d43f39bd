"""Cases on the training grid, in memory as far as they fit."""

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai.transforms.utils import map_classes_to_indices
from torch.utils.data import Dataset

from medse.data.cases import Case
from medse.errors import InputError
from medse.labels import Labels
from medse.machine import cores
from medse.preprocess import Preprocessing
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.reading import read_images, read_label_map

CENTRES_PER_CLASS = 10_000
"""Voxels kept per class and case as possible patch centres."""


@dataclass(frozen=True)
class Size:
    """Shape of a case on the training grid, before empty borders are cropped, and its bytes in memory."""

    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class CaseLoader:
    """Reads a case and resamples it to the training grid; the deterministic part of the pipeline.

    Attributes:
        copy_affine: Let a label whose affine differs from its image's lie where the image does.
    """

    preprocessing: Preprocessing
    labels: Labels
    channels: int
    copy_affine: bool = False

    def __call__(self, case: Case) -> dict[str, Any]:
        """Return ``image`` ``(C, *S)`` float32, ``label`` ``(1, *S)`` indices and ``centres`` per class.

        Ignored voxels have index K in the label and are no centres.

        Raises:
            InputError: A file cannot be used, image and label do not lie on the same grid, or no voxel of the
                label counts.
        """
        array, grid = read_images(case.images, self.channels, copy_affine=self.copy_affine)
        values, label_grid = read_label_map(case.label)
        check_same_grid(grid, label_grid, copy_affine=self.copy_affine)
        prepared = self.preprocessing.image(array, grid)
        label = self.preprocessing.label(self.labels.encode(values, str(case.label)), prepared)[None]
        centres = map_classes_to_indices(label, self.labels.classes, max_samples_per_class=CENTRES_PER_CLASS)
        if not any(map(len, centres)):
            raise InputError(
                f"{case.label} marks every voxel where {case.images[0]} is not 0 as to be ignored; a case needs "
                "voxels that count; leave the case out or correct its label."
            )
        return {"id": case.id, "image": prepared.image, "label": label, "centres": centres}

    def size(self, grid: Grid) -> Size:
        """Return the size that a case whose image lies on ``grid`` has when prepared."""
        shape = self.preprocessing.shape(grid, grid.canonical_shape)
        bytes_per_voxel = 4 * self.channels + np.min_scalar_type(self.labels.ignore_index).itemsize
        return Size(shape, math.prod(shape) * bytes_per_voxel)


class PreparedCases(Dataset[dict[str, Any]]):
    """The prepared cases, as many of them in memory as ``cache_gb`` GB hold.

    MONAI's caching data set is not used because it wraps every error in one of its own, and the sentence
    that names the bad file is lost.

    Raises:
        InputError: As :class:`CaseLoader`, for any case; all sizes are looked at before the first case is read.
    """

    def __init__(
        self, cases: Sequence[Case], grids: Mapping[str, Grid], loader: CaseLoader, cache_gb: float
    ) -> None:
        self.cases, self.loader = cases, loader
        total = np.cumsum([loader.size(grids[case.id]).bytes for case in cases])
        kept = cases[: int(np.count_nonzero(total <= cache_gb * 1e9))]
        with ThreadPoolExecutor(cores()) as pool:
            self.memory = list(pool.map(loader, kept))

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.memory[index] if index < len(self.memory) else self.loader(self.cases[index])
