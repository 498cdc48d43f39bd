"""What medse reads from single scans, and why not from others."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib

from medse.config.packaged import packaged_configs
from medse.errors import InputError, Refusals, nearest
from medse.volumes.names import PICTURES, remark_left_out, suffix_of, volumes_below
from medse.volumes.reading import channels_of, open_volume, read_image


@dataclass(frozen=True)
class ScanFacts:
    """What was read from one scan.

    Attributes:
        shape: Spatial lengths along the file's own axes, trailing ones included.
        channels: Values per voxel.
        spacing_mm: Along the file's own axes; None for a picture.
        axes: Patient direction that each axis of the file points to, such as ``LPS``; empty where the file does
            not say.
    """

    path: Path
    shape: tuple[int, ...]
    channels: int
    spacing_mm: tuple[float, float, float] | None
    axes: str
    lowest: float
    highest: float


HEAD = 1 << 16
"""Bytes of a file that tell a configuration from a scan."""


def is_config(given: Path) -> bool:
    """Whether what was given is a configuration, or the name of one, rather than a scan or a folder of scans.

    What a file holds decides, not its name: text with one of a configuration's sections is one.

    Raises:
        InputError: It is neither.
    """
    if not given.is_file():
        return given.suffix.lower() in (".yaml", ".yml") and not given.exists()
    with given.open("rb") as file:
        head = file.read(HEAD)
    if b"\0" in head or suffix_of(given):
        return False
    from medse.config.run import TASKS

    known = dict.fromkeys(key for model in TASKS.values() for key in model.model_fields)
    sections = "|".join(known)
    if given.suffix.lower() in (".yaml", ".yml") or re.search(
        rf"""^(?:{{\s*)?["']?({sections})["']?\s*:""", head.decode("utf-8", "replace"), re.MULTILINE
    ):
        return True
    raise InputError(
        f"{given} is neither a configuration, which has the sections {', '.join(known)}, nor a volume; "
        "give one of both, or a folder of volumes."
    )


def check_scans(inputs: Sequence[Path]) -> tuple[tuple[ScanFacts, ...], Refusals]:
    """Read files, and folders of them, or of folders of them, wholly.

    Returns:
        What was read, in order; and a sentence for each file that cannot be used.

    Raises:
        InputError: An input does not exist or a folder cannot be listed.
    """
    refused, facts = Refusals(), []
    for given in inputs:
        if not given.exists():
            near = nearest(given.name, packaged_configs())
            raise InputError(
                f"{given} does not exist;{near} give a configuration, image files or folders of them."
            )
        for path in _volumes(given) if given.is_dir() else (given,):
            with refused:
                facts.append(_read(path))
    return tuple(facts), refused


def _volumes(folder: Path) -> list[Path]:
    """Return the volumes of a folder, or else those in the folders in it."""
    found = volumes_below(folder)
    if not found:
        raise InputError(
            f"{folder} and the folders in it hold no volume; give image files or folders that hold them."
        )
    remark_left_out(dict.fromkeys(path.parent for path in found))
    return found


def _read(path: Path) -> ScanFacts:
    channels = channels_of(open_volume(path))
    image, grid = read_image(path, channels)
    if image.min() == image.max():
        raise InputError(
            f"{path} is constant: every voxel holds {image.flat[0]:g}; an image must have contrast; check that it "
            "is the intended file."
        )
    return ScanFacts(
        path=path,
        shape=grid.shape,
        channels=channels,
        spacing_mm=None if suffix_of(path) in PICTURES else grid.spacing_mm,
        axes="".join(nib.orientations.aff2axcodes(grid.affine)) if grid.oriented else "",
        lowest=float(image.min()),
        highest=float(image.max()),
    )
