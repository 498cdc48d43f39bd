"""A file between its header and its voxels."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medse.arrays import AnyArray, FloatArray


@dataclass(frozen=True)
class Opened:
    """A file whose header is sound and promises no more than the file holds; its voxels are not read yet.

    Attributes:
        path: The file.
        shape: Lengths of its own axes, two or more, without the values of a voxel.
        affine: 4x4 voxel-to-world matrix in mm, RAS; may be sheared.
        voxels: Reads the stored numbers: ``shape``, or ``(*shape, components)`` when there are several.
        components: Values per voxel that the format keeps apart from the axes (colours, vectors).
        scale: Slope and intercept that turn stored numbers into values.
        header: The NIfTI header; None for other formats.
        oriented: Whether the file says where the patient's left is.
        unfit_image: Why the file cannot be an image, or nothing.
        unfit_labels: Why the file cannot be a label map, or nothing.
    """

    path: Path
    shape: tuple[int, ...]
    affine: FloatArray
    voxels: Callable[[], AnyArray]
    components: int = 1
    scale: tuple[float, float] = (1.0, 0.0)
    header: Any = None
    oriented: bool = True
    unfit_image: str = ""
    unfit_labels: str = ""
