"""One slice in a DICOM file, through SimpleITK."""

import math
from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 -- its own documentation calls it so

from medse.arrays import AnyArray, FloatArray
from medse.errors import InputError
from medse.volumes.formats.itk import affine_of, numbers_of, shape_of, what_happened
from medse.volumes.formats.opened import Opened
from medse.volumes.formats.pictures import UPRIGHT
from medse.volumes.grid import check_spacing

PHOTOMETRIC = "0028|0004"
POSITION, ORIENTATION = "0020|0032", "0020|0037"
"""Tags, as SimpleITK writes them: what numbers mean, and where the slice lies in the patient."""
_ALLOWED = ("MONOCHROME1", "MONOCHROME2", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT", "YBR_ICT")


def open_dicom(path: Path) -> Opened:
    """Open a ``.dcm`` file that holds one slice.

    The numbers are those after the rescale slope and intercept. Where the smallest is white (``MONOCHROME1``), ITK
    turns them round, so that more is brighter in all files.

    Raises:
        InputError: It is no DICOM, holds several frames, or colours that are stored in a palette.
    """
    sitk.ProcessObject.GlobalWarningDisplayOff()
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(
            f"{path} cannot be read as DICOM ({what_happened(error)}); it is another format, truncated or damaged; "
            "copy it again or convert it to PNG."
        ) from error
    shape = shape_of(path, reader)
    if math.prod(shape[2:]) != 1:
        raise InputError(
            f"{path} holds {math.prod(shape[2:])} frames; a DICOM file with one slice is expected; save each frame "
            "in a file of its own, or convert it to NIfTI and name the slices."
        )
    kind = _tag(reader, PHOTOMETRIC)
    if kind not in _ALLOWED:
        raise InputError(
            f"{path} has the photometric interpretation {kind or 'none'}; expected one of {', '.join(_ALLOWED)}; "
            "convert it to grey or RGB."
        )
    oriented = bool(_tag(reader, POSITION) and _tag(reader, ORIENTATION))
    components = reader.GetNumberOfComponents()
    return Opened(
        path,
        shape[:2],
        affine_of(path, reader, oriented=True) if oriented else _upright(path, reader),
        lambda: _pixels(path, reader, shape[:2]),
        2 * math.prod(shape) * components * 8,  # ITK's image and the array that is copied from it
        components=components,
        oriented=oriented,
        unfit_labels="a DICOM image holds no label map; save the labels as PNG or NIfTI",
    )


def _tag(reader: sitk.ImageFileReader, tag: str) -> str:
    return str(reader.GetMetaData(tag)).strip(" \0") if reader.HasMetaDataKey(tag) else ""


def _upright(path: Path, reader: sitk.ImageFileReader) -> FloatArray:
    """Columns run to the right and rows down, as in a picture; pixels may be longer than they are wide."""
    spacing = np.asarray(reader.GetSpacing())
    check_spacing(path, spacing)
    affine = UPRIGHT.copy()
    affine[range(3), range(3)] *= spacing
    return affine


def _pixels(path: Path, reader: sitk.ImageFileReader, shape: tuple[int, ...]) -> AnyArray:
    try:
        stored = numbers_of(reader.Execute())
    except RuntimeError as error:
        raise InputError(
            f"{path} cannot be read to its end ({what_happened(error)}); it is truncated or damaged; copy it again."
        ) from error
    return stored.reshape(*shape, *stored.shape[len(reader.GetSize()) :])
