"""The entrance for everything that is given from Python: files, arrays and the images of other libraries.

Each becomes an :class:`Opened`, as a file does, and meets the checks that a file meets.
"""

import math
import sys
import zlib
from numbers import Real
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError, SpatialImage

from medse.arrays import AnyArray, FloatArray
from medse.errors import InputError
from medse.files import given_path
from medse.registry import check_arguments
from medse.volumes.formats.nifti import affine_of, check_axes
from medse.volumes.formats.opened import Opened
from medse.volumes.grid import Grid, check_affine
from medse.volumes.reading import channels_of, grids_of, images_of, label_map_of, open_volume

WELCOME = "a path, a nibabel or SimpleITK image, a MONAI MetaTensor, or a NumPy array or torch tensor with its affine"
"""What :func:`open_given` takes, in words."""


@check_arguments()
def read_volume(volume: Any, affine: Any = None, *, labels: bool = False) -> tuple[AnyArray, Grid]:
    """Read any volume, and where its voxels lie.

    Args:
        volume: An image or a label map: the path of a file of any known format, a nibabel or SimpleITK image, or what
            else :meth:`medse.LoadedRun.segment` takes as one scan.
        affine: Of an array or tensor, the 4x4 voxel-to-world matrix in mm (RAS+, as nibabel gives it).
        labels: Whether it is a label map: whole numbers instead of float32.

    Returns:
        ``(X, Y, Z)`` on the volume's own axes, an image with several values per voxel ``(X, Y, Z, C)``; and its grid,
        with ``affine``, ``spacing_mm`` and ``oriented``.

    Raises:
        InputError: It is nothing of these, its header or affine cannot be trusted, its axes are not at right angles,
            or its voxels are incomplete, NaN, infinite, or no whole numbers where those are expected.

    Example:
        >>> array, grid = read_volume("scan.nii.gz")
        >>> array.shape, array.dtype, grid.spacing_mm
        ((18, 22, 16), dtype('float32'), (1.0, 1.0, 1.0))
        >>> array, grid = read_volume(nib.load("references/ball_0.nii.gz"), labels=True)
        >>> np.unique(array)
        array([0, 3, 7], dtype=uint8)
    """
    opened = open_given(volume, affine)
    if labels:
        return label_map_of(opened)
    grid, _ = grids_of([opened], channels_of(opened))
    image = images_of([opened], grid)
    return (image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)), grid


def open_given(given: Any, affine: Any = None, *, oriented: bool = True) -> Opened:
    """Take one volume, whatever it is, and check all but its voxels and the angles of its axes.

    Args:
        given: One of :data:`WELCOME`. An array is ``(X, Y, Z)``, with several channels ``(X, Y, Z, C)``; a tensor
            always ``(C, X, Y, Z)``, as PyTorch and MONAI order axes.
        affine: Of an array or a tensor that has none, the 4x4 voxel-to-world matrix in mm (RAS).
        oriented: Whether the affine of an array says where the patient's left is.

    Raises:
        InputError: It is something else, lacks its affine or has two, or cannot be trusted.
    """
    if isinstance(given, np.ndarray):
        return _open_array("<array>", given, 1, affine, oriented)
    torch = sys.modules.get("torch")  # neither library is loaded to learn that something is not of it
    if torch is not None and isinstance(given, torch.Tensor) and not hasattr(given, "affine"):
        return _open_tensor("<tensor>", given, affine, oriented)
    opened = _open_placed(given)
    if affine is not None:
        raise InputError(
            f"affine was given with {opened.path}, which has its own; one is allowed; leave it out."
        )
    return opened


def _open_placed(given: Any) -> Opened:
    """Take what says itself where its voxels lie."""
    torch, itk = sys.modules.get("torch"), sys.modules.get("SimpleITK")
    if isinstance(given, str | Path):
        return open_volume(given_path(given))
    if isinstance(given, SpatialImage):
        return _open_nibabel(given)
    if itk is not None and isinstance(given, itk.Image):
        from medse.volumes.formats.itk import open_image

        return open_image(given)
    if torch is not None and isinstance(given, torch.Tensor):
        return _open_tensor("<MetaTensor>", given, _affine_of_monai(given), oriented=True)
    what = "None" if given is None else f"a {type(given).__name__}"
    raise InputError(f"A volume was given as {what}; {WELCOME} is expected; give one of these.")


def is_image(given: Any) -> bool:
    """Whether it is a path, a nibabel or a SimpleITK image, and no array."""
    itk = sys.modules.get("SimpleITK")
    return isinstance(given, str | Path | SpatialImage) or (itk is not None and isinstance(given, itk.Image))


def open_channels(given: Any, affine: Any = None, *, oriented: bool = True) -> list[Opened]:
    """Take one scan: one of what :func:`open_given` takes, or a list with one for each channel."""
    if not isinstance(given, list | tuple):
        return [open_given(given, affine, oriented=oriented)]
    if not given:
        raise InputError(
            "The list of a scan's channels is empty; one volume is expected for each; give them."
        )
    return [open_given(one, affine, oriented=oriented) for one in given]


def _open_array(name: str, array: AnyArray, components: int, affine: Any, oriented: bool) -> Opened:
    """Take an array whose last axis holds the components, where there are several."""
    if np.ma.is_masked(array):
        raise InputError(
            f"{name} has masked voxels, whose values are unknown; every voxel must have one; fill them, for instance "
            "with array.filled(0)."
        )
    voxels = np.asarray(array)
    _check_numbers(name, voxels.dtype)
    shape = voxels.shape if components == 1 else voxels.shape[:-1]
    _check_shape(name, shape)
    matrix = _checked_affine(name, affine, shape)
    return Opened(
        name,
        shape,
        matrix,
        (lambda: voxels.view(np.uint8)) if voxels.dtype == bool else (lambda: voxels),
        stored_bytes=0,
        components=components,
        oriented=oriented,
        unfit_image="it holds True and False, a mask and no intensities; give the scan"
        * (voxels.dtype == bool),
    )


def _open_tensor(name: str, tensor: Any, affine: Any, oriented: bool) -> Opened:
    """Take a tensor ``(C, X, Y, Z)``: the order of axes follows from the type, so that none is guessed."""
    if tensor.ndim != 4:
        raise InputError(
            f"{name} has the shape {tuple(tensor.shape)}; a tensor is expected as (C, X, Y, Z), the channels first; "
            "give tensor[None] of a volume without channels, tensor[0] of a batch of one."
        )
    try:
        array = _array_of(tensor)
    except (TypeError, ValueError, RuntimeError, NotImplementedError) as error:
        raise InputError(
            f"{name} has no voxels that NumPy can read ({str(error).splitlines()[0]}); a dense tensor of numbers is "
            "expected; convert it."
        ) from error
    channels = len(array)
    return _open_array(
        name, array[0] if channels == 1 else np.moveaxis(array, 0, -1), channels or 1, affine, oriented
    )


def _array_of(tensor: Any) -> AnyArray:
    """Return the numbers of a torch tensor, of which NumPy knows no bfloat16, GPU or gradient."""
    plain = tensor.detach().cpu()
    return np.asarray(plain.float() if str(plain.dtype) == "torch.bfloat16" else plain)


def _affine_of_monai(tensor: Any) -> Any:
    """Return the affine of a MetaTensor, which must be of its voxels as they are, in RAS."""
    if getattr(tensor, "pending_operations", None):
        raise InputError(
            "<MetaTensor> has transforms that are pending; its voxels and its affine must belong together; apply "
            "them with monai.transforms.lazy.apply_pending."
        )
    space = str(tensor.meta.get("space", "RAS"))
    if space.rpartition(".")[2] != "RAS":
        raise InputError(
            f"<MetaTensor> counts in the space {space}; RAS is expected, as MONAI's LoadImage gives; load it with "
            "affine_lps_to_ras=True."
        )
    return tensor.affine


def _open_nibabel(image: Any) -> Opened:
    """Take an image of nibabel: as it would be saved now, whatever was changed since it was loaded."""
    file = image.get_filename()
    name = f"<nibabel image {file}>" if file else "<nibabel image>"
    nifti = isinstance(image, nib.Nifti1Pair)
    if isinstance(image, nib.AnalyzeImage) and not nifti:
        raise InputError(
            f"{name} is Analyze 7.5, which does not say which way left is; expected is NIfTI or another format with "
            "an affine; convert it with the tool that wrote it."
        )
    _check_numbers(name, image.dataobj.dtype)
    shape = tuple(int(n) for n in image.shape)
    _check_shape(name, shape)
    loading = math.prod(shape) * 8 if nib.is_proxy(image.dataobj) else 0  # scaled numbers are 64-bit floats
    if not nifti:
        lost = isinstance(image, nib.MGHImage) and int(image.header["goodRASFlag"]) <= 0
        affine = np.eye(4) if lost else _checked_affine(name, image.affine, shape)
        return Opened(name, shape, affine, lambda: _voxels(name, image), loading, oriented=not lost)
    header = _synchronised(name, image)
    check_axes(name, header)
    affine, oriented = affine_of(name, header, shape)
    return Opened(
        name, shape, affine, lambda: _voxels(name, image), loading, header=header, oriented=oriented
    )


def _synchronised(name: str, image: Any) -> Any:
    """Return the header of a NIfTI image that says what the image's affine says, as nibabel does when it saves."""
    if image.affine is None or np.allclose(image.affine, image.header.get_best_affine()):
        return image.header
    try:
        if not np.array_equal(image.affine[3], (0, 0, 0, 1)):
            raise ValueError("its fourth row is not 0 0 0 1")
        kind = nib.Nifti2Image if isinstance(image, nib.Nifti2Image) else nib.Nifti1Image
        return kind(image.dataobj, image.affine, image.header).header
    except (ValueError, HeaderDataError) as error:
        raise InputError(
            f"{name} has an unusable affine {image.affine.tolist()} ({error}); it must be finite, its axes "
            "independent and its fourth row 0 0 0 1; correct it."
        ) from error


def _voxels(name: str, image: Any) -> AnyArray:
    try:
        return np.asanyarray(image.dataobj)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(
            f"{name} cannot be read to its end ({error}); its file is truncated, damaged or gone; load it again."
        ) from error


def _check_numbers(name: str, dtype: np.dtype) -> None:
    if dtype.kind == "c":
        raise InputError(
            f"{name} holds complex numbers; voxels must be integers or floats; give its magnitude (np.abs) or its "
            "real part."
        )
    if dtype.kind not in "biuf" or dtype.itemsize > 8:
        raise InputError(
            f"{name} holds {dtype}; voxels must be integers or floats of at most 64 bits; convert it with astype, "
            "colours to one channel each."
        )


def _check_shape(name: str, shape: tuple[int, ...]) -> None:
    if not 2 <= len(shape) <= 7 or 0 in shape:
        raise InputError(
            f"{name} has the shape {shape}; a volume has 2 to 7 axes of at least one voxel; give one scan."
        )


def _checked_affine(name: str, affine: Any, shape: tuple[int, ...]) -> FloatArray:
    """Return a 4x4 matrix of floats."""
    if affine is None:
        raise InputError(
            f"{name} was given without its affine; left, right and distances follow from it; pass it as affine=, for "
            "instance that of the nibabel image it was read from."
        )
    try:
        given = _array_of(affine) if hasattr(affine, "detach") else np.asarray(affine)
        numbers = given.dtype.kind in "iuf" or all(isinstance(one, Real) for one in given.flat)  # of objects
        matrix: FloatArray = given.astype(np.float64) if numbers else np.empty(0)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        matrix = np.empty(0)
    if matrix.shape != (4, 4) or not np.array_equal(matrix[3], (0, 0, 0, 1)):
        shown = " ".join(str(affine).split())
        raise InputError(
            f"{name} has the affine {shown}; a 4x4 matrix of numbers is expected, whose fourth row is "
            "0 0 0 1; pass that of the scan."
        )
    check_affine(name, matrix, shape)
    return matrix
