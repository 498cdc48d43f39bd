"""A trained network applied to whole volumes."""

import math
from dataclasses import dataclass, field

import numpy as np

from medse.arrays import ImageArray, LabelArray
from medse.errors import InputError
from medse.inference.window import ArraySums, Infer, MakeSums, Progress, sliding_window
from medse.labels import Labels
from medse.machine import check_memory, memory_for
from medse.preprocess import Prepared, Preprocessing
from medse.volumes.grid import Grid

FLOAT = 4
"""Bytes of a score."""
INDEX = 2
"""Bytes of the index of a class."""


@dataclass(frozen=True)
class Segmenter:
    """Everything between a volume and its label map; NumPy only, the network behind ``infer``.

    Attributes:
        patch_size: Window in voxels; for a 2-D network, of length 1 along the axis that slices are cut across.
        sums: Where the scores of windows are added up; None for NumPy.
    """

    preprocessing: Preprocessing
    labels: Labels
    channels: int
    patch_size: tuple[int, int, int]
    infer: Infer
    overlap: float = 0.5
    batch_size: int = 1
    sums: MakeSums | None = field(default=None)

    def segment(self, array: ImageArray, grid: Grid, progress: Progress | None = None) -> LabelArray:
        """Return the label map ``(X, Y, Z)`` of ``(C, X, Y, Z)`` on its own grid, with the files' values.

        Raises:
            InputError: The volume cannot be used, does not fit into memory, or the network's scores are no numbers.
        """
        with memory_for(grid.source):
            prepared: Prepared = self.preprocessing.image(array, grid)
            scores = self.scores(prepared.image, grid.source, progress, voxels=math.prod(grid.shape))
            if not all(np.isfinite(one.sum(dtype=np.float64)) for one in scores):
                raise InputError(
                    f"{grid.source} gets scores from the network that are infinite or no numbers; a trained network "
                    "gives finite ones; check that the scan's intensities are like those of the training."
                )
            return self.labels.decode(self.preprocessing.restore(scores, prepared))

    def scores(
        self, image: ImageArray, source: str, progress: Progress | None = None, *, voxels: int = 0
    ) -> ImageArray:
        """Return class scores ``(K, *spatial)`` of a prepared ``(C, *spatial)``.

        Args:
            source: What messages call it.
            progress: Called after each batch of windows.
            voxels: Of the label map that will be made of the scores.

        Raises:
            InputError: They do not fit into memory.
        """
        shape = (self.labels.classes, *image.shape[1:])
        grid = " x ".join(map(str, shape[1:]))
        check_memory(self.needed(shape, voxels), source, f"the scores of {shape[0]} classes on {grid} voxels")
        with memory_for(source):
            return sliding_window(
                image,
                self.patch_size,
                self.sums(shape) if self.sums else ArraySums(self.infer, shape),
                overlap=self.overlap,
                batch_size=self.batch_size,
                progress=progress,
            )

    def needed(self, shape: tuple[int, ...], voxels: int) -> int:
        """Return how many bytes it takes at least to make a label map of ``voxels`` by scores ``(K, *spatial)``.

        Beside the scores these are a batch of windows and its scores, and after it indices and the label map. The
        network's own maps are not counted: what they take depends on how PyTorch computes.
        """
        batch = FLOAT * self.batch_size * math.prod(self.patch_size) * (self.channels + self.labels.classes)
        return FLOAT * math.prod(shape) + max(batch, voxels * (INDEX + self.labels.dtype.itemsize))
