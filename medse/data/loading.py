"""Cases on the training grid, in memory as far as they fit."""

import hashlib
import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai.transforms.utils import map_classes_to_indices
from torch.utils.data import Dataset

from medse.arrays import ImageArray
from medse.data.cases import Case
from medse.errors import InputError
from medse.labels import Labels
from medse.machine import available_memory, cores, memory_for
from medse.preprocess import Preprocessing
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.reading import read_images, read_label_map

CENTRES_PER_CLASS = 10_000
"""Voxels kept per class and case as possible patch centres."""
MEMORY_SHARE = 0.75
"""Share of the free memory that prepared cases may take; the rest is for the training step."""
LOADING_BYTES = 36
"""Bytes per voxel that loading a case takes at its peak, beside 8 for each channel; measured, see the tests."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Size:
    """What a case takes on the training grid, before empty borders are cropped.

    Attributes:
        shape: Its shape there.
        bytes: Of the prepared case in memory.
        loading: Bytes at the peak of its loading.
    """

    shape: tuple[int, ...]
    bytes: int
    loading: int


def loading_threads(sizes: Iterable[Size], free: int) -> int:
    """Return how many of such cases may be loaded side by side where ``free`` bytes are, at least one."""
    largest = max((size.loading for size in sizes), default=1)
    return max(1, min(cores(), free // largest))


def contents(image: ImageArray) -> bytes:
    """Return what is alike for images of the same shape and voxels alone, whatever files they come from."""
    digest = hashlib.sha256(repr(image.shape).encode())
    digest.update(np.ascontiguousarray(image).data)
    return digest.digest()


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
        with memory_for(str(case.images[0])):
            array, grid = read_images(case.images, self.channels, copy_affine=self.copy_affine)
            values, label_grid = read_label_map(case.label)
            check_same_grid(grid, label_grid, copy_affine=self.copy_affine)
            prepared = self.preprocessing.image(array, grid)
            label = self.preprocessing.label(self.labels.encode(values, str(case.label)), prepared)[None]
            centres = map_classes_to_indices(
                label, self.labels.classes, max_samples_per_class=CENTRES_PER_CLASS
            )
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
        voxels = max(math.prod(shape), math.prod(grid.canonical_shape))
        return Size(shape, math.prod(shape) * bytes_per_voxel, voxels * (LOADING_BYTES + 8 * self.channels))


class PreparedCases(Dataset[dict[str, Any]]):
    """The prepared cases, as many of them in memory as ``cache_gb`` GB and :data:`MEMORY_SHARE` of what is free hold.

    MONAI's caching data set is not used because it wraps every error in one of its own, and the sentence
    that names the bad file is lost.

    Attributes:
        contents: Case id -> what is alike for equal prepared images, of the cases in memory.

    Raises:
        InputError: As :class:`CaseLoader`, for any case; all sizes are looked at before the first case is read.
    """

    def __init__(
        self, cases: Sequence[Case], grids: Mapping[str, Grid], loader: CaseLoader, cache_gb: float
    ) -> None:
        self.cases, self.loader = cases, loader
        sizes = [loader.size(grids[case.id]) for case in cases]
        total = np.cumsum([size.bytes for size in sizes])
        free = available_memory()
        wanted, kept = (
            int(np.count_nonzero(total <= most)) for most in (cache_gb * 1e9, MEMORY_SHARE * free)
        )
        if kept < wanted:
            log.warning(
                "%d of %d prepared cases are kept in memory, of which %.1f GB are free; the others are read at each "
                "use, which data.workers does beside the training",
                kept,
                len(cases),
                free / 1e9,
            )
        kept = min(kept, wanted)
        left = free - int(total[kept - 1]) if kept else free
        with ThreadPoolExecutor(loading_threads(sizes, left)) as pool:
            self.memory = list(pool.map(loader, cases[:kept]))
            digests = pool.map(lambda item: contents(item["image"]), self.memory)
            self.contents = {case.id: digest for case, digest in zip(cases, digests, strict=False)}

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.memory[index] if index < len(self.memory) else self.loader(self.cases[index])
