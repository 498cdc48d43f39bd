"""Heat maps in files, on the image's own pixels."""

from pathlib import Path

import numpy as np
from PIL import Image

from medse.arrays import ImageArray
from medse.data.images.placement import Placement
from medse.files import atomic_path
from medse.volumes.writing import write_label_map

MOST = 255
"""What a map of 1 is in a file."""


def write_heat_map(folder: Path, case: str, heat: ImageArray, place: Placement) -> Path:
    """Write a map on the image's own pixels, 0 for nothing and 255 for most.

    Args:
        folder: Where to; the file is named after the case.
        heat: ``(*size)``, from 0 to 1, on the grid of the prepared image.
        place: Where in it the image lies.

    Returns:
        The file: a grey PNG of a picture or slice, as displayed; of a volume a NIfTI file on its own grid.

    Raises:
        InputError: It cannot be written.
    """
    values = np.rint(MOST * np.clip(place.restored(heat), 0, 1)).astype(np.uint8)
    if place.axis is None:
        path = folder / f"{case}.nii.gz"
        write_label_map(path, values, place.grid)
        return path
    path = folder / f"{case}.png"
    with atomic_path(path) as temporary:
        Image.fromarray(values).save(temporary)
    return path
