"""Which reader opens which file."""

from collections.abc import Callable
from pathlib import Path

from medse.errors import InputError
from medse.volumes.formats.mgh import open_mgh
from medse.volumes.formats.nifti import open_nifti
from medse.volumes.formats.opened import Opened
from medse.volumes.formats.pictures import open_picture
from medse.volumes.names import case_id, suffix_of


def _open_itk(path: Path) -> Opened:
    """Open MetaImage or NRRD; SimpleITK takes 90 MB and is loaded for them only."""
    from medse.volumes.formats.itk import open_itk

    return open_itk(path)


OPENERS: dict[str, Callable[[Path], Opened]] = {
    ".nii.gz": open_nifti,
    ".nii": open_nifti,
    ".hdr": open_nifti,
    ".mgh": open_mgh,
    ".mgz": open_mgh,
    ".nrrd": _open_itk,
    ".nhdr": _open_itk,
    ".mha": _open_itk,
    ".mhd": _open_itk,
    ".png": open_picture,
    ".jpg": open_picture,
    ".jpeg": open_picture,
}


def open_volume(path: Path) -> Opened:
    """Check the header of ``path`` and return it; only the angles of its axes are not judged.

    Raises:
        InputError: The file is missing, may not be read, is of no format known here, or its header cannot be
            trusted.
    """
    try:
        if not path.is_file():
            raise InputError(f"{path} does not exist or is not a file; give the path of a volume.")
        case_id(path)
        return OPENERS[suffix_of(path)](path)
    except PermissionError as error:
        raise InputError(
            f"{path} may not be read (permission denied); change its permissions or run as its owner."
        ) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error}); check the disk or copy the file again."
        ) from error
