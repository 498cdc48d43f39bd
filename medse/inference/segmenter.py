"""A trained network applied to whole volumes."""

from dataclasses import dataclass

from medse.arrays import ImageArray, LabelArray
from medse.inference.window import Infer, sliding_window
from medse.labels import Labels
from medse.preprocess import Prepared, Preprocessing
from medse.volumes.grid import Grid


@dataclass(frozen=True)
class Segmenter:
    """Everything between a volume and its label map; NumPy only, the network behind ``infer``.

    Attributes:
        patch_size: Window in voxels; for a 2-D network, of length 1 along the axis that slices are cut across.
    """

    preprocessing: Preprocessing
    labels: Labels
    channels: int
    patch_size: tuple[int, int, int]
    infer: Infer
    overlap: float = 0.5
    batch_size: int = 1

    def segment(self, array: ImageArray, grid: Grid) -> LabelArray:
        """Return the label map ``(X, Y, Z)`` of ``(C, X, Y, Z)`` on its own grid, with the files' values."""
        prepared: Prepared = self.preprocessing.image(array, grid)
        scores = self.scores(prepared.image)
        return self.labels.decode(self.preprocessing.restore(scores, prepared))

    def scores(self, image: ImageArray) -> ImageArray:
        """Return class scores ``(K, *spatial)`` of a prepared ``(C, *spatial)``."""
        return sliding_window(
            image,
            self.patch_size,
            self.labels.classes,
            self.infer,
            overlap=self.overlap,
            batch_size=self.batch_size,
        )
