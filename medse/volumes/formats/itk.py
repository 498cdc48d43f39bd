"""MetaImage and NRRD, through SimpleITK."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk  # noqa: N813 -- its own documentation calls it so

from medse.arrays import AnyArray, FloatArray
from medse.errors import InputError
from medse.volumes.formats.metaimage import read_meta
from medse.volumes.formats.nrrd import read_nrrd
from medse.volumes.formats.opened import Opened
from medse.volumes.formats.text_header import check_promise
from medse.volumes.grid import check_affine, check_spacing

_LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def open_itk(path: Path) -> Opened:
    """Open a ``.mha``, ``.mhd``, ``.nrrd`` or ``.nhdr`` file."""
    meta = path.suffix.lower() in (".mha", ".mhd")
    header = read_meta(path) if meta else read_nrrd(path)
    check_promise(path, header)
    sitk.ProcessObject.GlobalWarningDisplayOff()
    reader = sitk.ImageFileReader()
    reader.SetImageIO("MetaImageIO" if meta else "NrrdImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(
            f"{path} cannot be read ({_what_happened(error)}); check it or convert it again from its source."
        ) from error
    if "complex" in (kind := sitk.GetPixelIDValueAsString(reader.GetPixelID())):
        raise InputError(f"{path} holds {kind}; voxels must be integers or floats; convert it.")
    shape = tuple(reader.GetSize())
    if not 2 <= len(shape) <= 4:
        raise InputError(f"{path} has {len(shape)} axes; expected 2 to 4; split it into 3-D volumes.")
    return Opened(
        path,
        shape,
        _affine(path, reader, header.oriented),
        lambda: _voxels(path, reader),
        2 * header.promised,  # ITK's image and the array that is copied from it
        components=reader.GetNumberOfComponents(),
        oriented=header.oriented,
    )


def _affine(path: Path, reader: sitk.ImageFileReader, oriented: bool) -> FloatArray:
    """Return the 4x4 matrix in RAS; of a file that is not oriented only the spacings."""
    axes = reader.GetDimension()
    direction = np.reshape(reader.GetDirection(), (axes, axes))
    spacing = np.asarray(reader.GetSpacing())
    check_spacing(path, spacing[:3])
    space = min(axes, 3)
    if axes == 4 and not np.allclose(direction[3], (0, 0, 0, 1)):
        raise InputError(f"{path} turns its fourth axis into space; only the first three may; split it.")
    affine = np.eye(4)
    if not oriented:
        if not np.allclose(direction[:space, :space], np.eye(space)):
            raise InputError(
                f"{path} has turned axes but does not say in which space; it must say so or have straight ones; "
                "save it with its space, or without directions."
            )
        affine[range(space), range(space)] = spacing[:space]
        return affine
    affine[:space, :space] = direction[:space, :space] * spacing[:space]
    affine[:space, 3] = reader.GetOrigin()[:space]
    affine = _LPS_TO_RAS @ affine
    check_affine(path, affine, reader.GetSize())
    return affine


def _voxels(path: Path, reader: sitk.ImageFileReader) -> AnyArray:
    try:
        array: AnyArray = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        if "allocate" in str(error):
            raise MemoryError(_what_happened(error)) from error
        raise InputError(
            f"{path} cannot be read to its end ({_what_happened(error)}); it is truncated or damaged; copy it again."
        ) from error
    axes = reader.GetDimension()
    return array.transpose(*reversed(range(axes)), *range(axes, array.ndim))


def _what_happened(error: RuntimeError) -> str:
    """The line of ITK's text that says it: the first, but of NRRD's the last, which is the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("[nrrd]")]
    telling = [
        line.partition("ERROR:")[2].strip() or line for line in lines if "Exception thrown" not in line
    ]
    found = causes[-1:] or [line for line in telling if not line.endswith(":")] or ["unknown error"]
    return found[0].rstrip(".")
