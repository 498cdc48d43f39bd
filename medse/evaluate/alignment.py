"""Predictions on the grid of their reference."""

from dataclasses import dataclass
from pathlib import Path

from medse.arrays import LabelArray
from medse.errors import InputError
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.reading import read_label_map
from medse.volumes.regridding import onto_grid


@dataclass
class Alignment:
    """Reads label maps onto one grid and remembers what that took.

    Attributes:
        grid: The grid.
        copy_affine: Let maps with another affine take that of the grid.
        resample: Bring maps on another grid onto it: every voxel takes the value of the nearest of the map's, or 0
            beyond its border.
        geometry_fixed: Whether a map took the affine.
        resampled: Whether a map was brought onto the grid.
    """

    grid: Grid
    copy_affine: bool
    resample: bool
    geometry_fixed: bool = False
    resampled: bool = False

    def read(self, path: Path) -> LabelArray:
        """Read a label map as ``(X, Y, Z)`` on the grid.

        Raises:
            InputError: It cannot be read, or lies on another grid and may not be moved or cannot be.
        """
        array, other = read_label_map(path)
        try:
            self.geometry_fixed |= check_same_grid(self.grid, other, copy_affine=self.copy_affine)
        except InputError:
            if not self.resample:
                raise
        else:
            return array
        for grid in (self.grid, other):
            if not grid.oriented:
                raise InputError(
                    f"{path} lies on another grid than {self.grid.source} and cannot be resampled, because "
                    f"{grid.source} does not say where its voxels lie; both need an affine; correct the header or "
                    "save the prediction on the grid of the reference."
                )
        self.resampled = True
        target = self.grid.spatial_shape, self.grid.affine
        return onto_grid(target, array, other.affine, order=0, mode="grid-constant")
