"""One slice in a DICOM file, through SimpleITK."""

from pathlib import Path

from medse.errors import InputError
from medse.volumes.formats.opened import Opened


def open_dicom(path: Path) -> Opened:
    """Open a ``.dcm`` file."""
    raise InputError(f"{path} is DICOM, which is not read yet; convert it to PNG.")
