"""MetaImage and NRRD, through SimpleITK, and its images in memory."""

import re
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
            f"{path} cannot be read ({what_happened(error)}); check it or convert it again from its source."
        ) from error
    return Opened(
        path,
        shape_of(path, reader),
        affine_of(path, reader, header.oriented),
        lambda: _voxels(path, reader),
        2 * header.promised,  # ITK's image and the array that is copied from it
        components=reader.GetNumberOfComponents(),
        oriented=header.oriented,
    )


def open_image(image: sitk.Image) -> Opened:
    """Take an image of SimpleITK, whose axes are x, y, z and whose world is LPS.

    Raises:
        InputError: As of a file; or it has two axes, and ITK does not tell whether they came from a scan or from a
            picture, whose rows run down.
    """
    name = "<SimpleITK image>"
    if image.GetDimension() == 2:
        raise InputError(
            f"{name} has 2 axes and does not say which way up it is; 3 or 4 are expected; give the path of its file."
        )
    return Opened(
        name,
        shape_of(name, image),
        affine_of(name, image, oriented=True),
        lambda: numbers_of(image),
        image.GetNumberOfPixels() * image.GetNumberOfComponentsPerPixel() * image.GetSizeOfPixelComponent(),
        components=image.GetNumberOfComponentsPerPixel(),
    )


def shape_of(path: Path | str, image: sitk.Image | sitk.ImageFileReader) -> tuple[int, ...]:
    kind = sitk.GetPixelIDValueAsString(image.GetPixelID())
    if not re.fullmatch(r"(vector of )?((8|16|32|64)-bit (un)?signed integer|(32|64)-bit float)", kind):
        raise InputError(f"{path} holds {kind}; voxels must be integers or floats; convert it.")
    shape = tuple(image.GetSize())
    if not 2 <= len(shape) <= 4 or 0 in shape:
        raise InputError(
            f"{path} has the shape {shape}; expected 2 to 4 axes of at least one voxel; split it into 3-D volumes."
        )
    return shape


def affine_of(path: Path | str, reader: sitk.Image | sitk.ImageFileReader, oriented: bool) -> FloatArray:
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
        return numbers_of(reader.Execute())
    except RuntimeError as error:
        if "allocate" in str(error):
            raise MemoryError(what_happened(error)) from error
        raise InputError(
            f"{path} cannot be read to its end ({what_happened(error)}); it is truncated or damaged; copy it again."
        ) from error


def numbers_of(image: sitk.Image) -> AnyArray:
    """Return the voxels with the axes in ITK's order, the values of each last."""
    array: AnyArray = sitk.GetArrayFromImage(image)
    axes = image.GetDimension()
    return array.transpose(*reversed(range(axes)), *range(axes, array.ndim))


def what_happened(error: RuntimeError) -> str:
    """The line of ITK's text that says it: the first, but of NRRD's the last, which is the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line for line in lines if line.startswith("[nrrd]")]
    telling = [
        line.partition("ERROR:")[2].strip() or line for line in lines if "Exception thrown" not in line
    ]
    found = causes[-1:] or [line for line in telling if not line.endswith(":")] or ["unknown error"]
    return found[0].rstrip(".")
