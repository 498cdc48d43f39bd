"""The image of a case, to show under its labels."""

import math
from pathlib import Path

from medse.arrays import AnyArray
from medse.errors import InputError
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.name_patterns import find_volumes
from medse.volumes.names import case_id
from medse.volumes.opening import open_volume
from medse.volumes.reading import read_image


def check_images(images: Path, references: Path) -> None:
    """Raise where there cannot be an image of each case.

    Args:
        images: Folder of images, or one file.
        references: Folder of label maps, or one file.

    Raises:
        InputError: One image is given for a folder of cases, or the folder holds none.
    """
    if not images.is_file():
        find_volumes(images)
    elif not references.is_file():
        raise InputError(
            f"{images} is one image and {references} are several cases; every case needs its own; give the folder "
            "that holds the images."
        )


def read_case_image(images: Path, case: str, grid: Grid, *, copy_affine: bool) -> AnyArray:
    """Read the first channel of a case's image.

    Args:
        images: Folder of images named like the references, or one file.
        case: Case id.
        grid: Where the image must lie.
        copy_affine: Let it take the affine of ``grid``.

    Raises:
        InputError: The image is missing, unreadable or lies on another grid.
    """
    path = _image_file(images, case)
    opened = open_volume(path)
    image, image_grid = read_image(path, math.prod(opened.shape[3:]) * opened.components)
    check_same_grid(grid, image_grid, copy_affine=copy_affine)
    first: AnyArray = image[0]
    return first


def _image_file(images: Path, case: str) -> Path:
    if images.is_file():
        case_id(images)
        return images
    found = find_volumes(images)
    for name in (case, f"{case}_0000"):
        if name in found:
            return found[name]
    raise InputError(
        f"{images} has no image of case {case}; expected {case}.nii.gz, {case}_0000.nii.gz or another format; add it "
        "or leave the images out."
    )
