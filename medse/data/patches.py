"""Prepared cases in memory, and random patches drawn from them."""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai.transforms.utils import map_classes_to_indices
from torch.utils.data import Dataset, Sampler

from medse.data.cases import Case
from medse.errors import InputError
from medse.grid import check_same_grid
from medse.labels import Labels
from medse.preprocess import Preprocessing
from medse.volumes.reading import read_grid, read_grids, read_images, read_label_map

CENTRES_PER_CLASS = 10_000
"""Voxels kept per class and case as possible patch centres."""


@dataclass(frozen=True)
class Size:
    """Shape of a case on the network's grid, before empty borders are cropped, and its bytes in memory."""

    shape: tuple[int, ...]
    bytes: int


@dataclass(frozen=True)
class CaseLoader:
    """Reads a case and brings it to the network's grid; the deterministic part of the pipeline."""

    preprocessing: Preprocessing
    labels: Labels
    channels: int

    def __call__(self, case: Case) -> dict[str, Any]:
        """Return ``image`` ``(C, *S)`` float32, ``label`` ``(1, *S)`` indices and ``centres`` per class.

        Raises:
            InputError: A file cannot be used, or image and label do not lie on the same grid.
        """
        array, grid = read_images(case.images, self.channels)
        values, label_grid = read_label_map(case.label)
        check_same_grid(grid, label_grid)
        prepared = self.preprocessing.image(array, grid)
        label = self.preprocessing.label(self.labels.encode(values, str(case.label)), prepared)[None]
        centres = map_classes_to_indices(label, self.labels.classes, max_samples_per_class=CENTRES_PER_CLASS)
        return {"id": case.id, "image": prepared.image, "label": label, "centres": centres}

    def check_headers(self, case: Case) -> Size:
        """Check a case by its headers alone and return its size when prepared.

        Raises:
            InputError: A header cannot be used, or image and label do not lie on the same grid.
        """
        grid = read_grids(case.images, self.channels)
        check_same_grid(grid, read_grid(case.label))
        shape = self.preprocessing.shape(grid, grid.canonical_shape)
        bytes_per_voxel = 4 * self.channels + (1 if self.labels.classes <= 256 else 2)
        return Size(shape, math.prod(shape) * bytes_per_voxel)


class PreparedCases(Dataset[dict[str, Any]]):
    """The prepared cases, as many of them in memory as ``cache_gb`` GB hold.

    MONAI's caching data set is not used because it wraps every error in one of its own, and the sentence
    that names the bad file is lost.

    Raises:
        InputError: As :class:`CaseLoader`, for any case: headers of all are checked before the first is read.
    """

    def __init__(self, cases: Sequence[Case], loader: CaseLoader, cache_gb: float) -> None:
        self.cases, self.loader = cases, loader
        total = np.cumsum([loader.check_headers(case).bytes for case in cases])
        kept = cases[: int(np.count_nonzero(total <= cache_gb * 1e9))]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            self.memory = list(pool.map(loader, kept))

    def __len__(self) -> int:
        """Number of cases."""
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return what :class:`CaseLoader` returns."""
        return self.memory[index] if index < len(self.memory) else self.loader(self.cases[index])


class PatchSampler(Sampler[tuple[int, int]]):
    """Yields (case, seed) pairs: every case once before any comes again, in an order new each epoch.

    Lightning calls :meth:`set_epoch`; the pairs depend on seed and epoch alone, so a run can be replayed
    and resumed.
    """

    def __init__(self, cases: int, patches: int, seed: int) -> None:
        self.cases, self.patches, self.seed, self.epoch = cases, patches, seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Patches per epoch."""
        return self.patches

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield the pairs of this epoch."""
        random = np.random.default_rng((self.seed, self.epoch))
        rounds = -(-self.patches // self.cases)
        order = np.concatenate([random.permutation(self.cases) for _ in range(rounds)])[: self.patches]
        seeds = random.integers(2**32, size=self.patches)
        return iter([(int(case), int(seed)) for case, seed in zip(order, seeds, strict=True)])


class PatchDataset(Dataset[dict[str, Any]]):
    """Patches of prepared cases, drawn so that foreground is seen often.

    A share ``foreground`` of the patches is centred on a voxel of a foreground class (each class that the
    case holds with the same chance), the others on a background voxel. Axes shorter than the patch are
    padded with 0 on both sides.
    """

    def __init__(
        self, cases: Dataset[dict[str, Any]], patch_size: tuple[int, ...], classes: int, foreground: float
    ) -> None:
        self.cases, self.patch_size = cases, patch_size
        self.ratios = [1 - foreground] + [foreground / (classes - 1)] * (classes - 1)

    def __getitem__(self, index: tuple[int, int]) -> dict[str, Any]:
        """Return ``image`` ``(C, *patch)`` and ``label`` ``(1, *patch)`` for a (case, seed) pair."""
        case, seed = index
        item = self.cases[case]
        padded = {key: self._pad(item[key]) for key in ("image", "label")}
        shape = item["label"].shape[1:]
        random = np.random.default_rng(seed)
        weights = np.array([r * (len(c) > 0) for r, c in zip(self.ratios, item["centres"], strict=True)])
        if not weights.any():
            weights = np.array([float(len(c) > 0) for c in item["centres"]])
        centres = item["centres"][random.choice(len(weights), p=weights / weights.sum())]
        centre = np.unravel_index(random.choice(centres), shape)
        where = [slice(None)]
        for middle, size, length in zip(centre, self.patch_size, shape, strict=True):
            start = 0 if length <= size else min(max(int(middle) - size // 2, 0), length - size)
            where.append(slice(start, start + size))
        return {key: np.ascontiguousarray(array[tuple(where)]) for key, array in padded.items()}

    def _pad(self, array: Any) -> Any:
        missing = [max(0, p - n) for p, n in zip(self.patch_size, array.shape[1:], strict=True)]
        if not any(missing):
            return array
        return np.pad(array, [(0, 0), *((n // 2, n - n // 2) for n in missing)])


def check_patch_size(patch_size: tuple[int, ...], stride: int) -> None:
    """Raise unless every length of the patch is a multiple of ``stride`` and at least twice as long.

    Raises:
        InputError: It is not; the sentence gives the nearest sizes that work.
    """
    if all(n % stride == 0 and n >= 2 * stride for n in patch_size):
        return
    works = [max(2 * stride, stride * round(n / stride)) for n in patch_size]
    raise InputError(
        f"data.patch_size {list(patch_size)} does not suit a network of total stride {stride}; each length must "
        f"be a multiple of {stride} and at least {2 * stride}; {works} would work."
    )
