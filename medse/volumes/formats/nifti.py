"""NIfTI-1 and NIfTI-2, in one file or as a pair."""

import math
from pathlib import Path

from medse.errors import InputError
from medse.volumes.formats import nifti_header
from medse.volumes.formats.contents import check_size, read_voxels, stream
from medse.volumes.formats.nifti_affine import affine_of
from medse.volumes.formats.opened import Opened


def open_nifti(path: Path) -> Opened:
    """Open a ``.nii``, ``.nii.gz`` or ``.hdr`` file.

    Raises:
        InputError: Its header cannot be trusted, or promises other than the file holds.
    """
    compressed, pair = path.name.lower().endswith(".gz"), path.suffix.lower() == ".hdr"
    with stream(path, compressed) as file:
        block = file.read(nifti_header.LENGTH)
    header = nifti_header.decode(path, block, pair=pair)
    shape = nifti_header.check(path, header)
    affine, oriented = affine_of(path, header, shape)
    data, offset, dtype = _data_file(path, pair), int(header["vox_offset"]), nifti_header.dtype(header)
    check_size(data, offset + math.prod(shape) * dtype.itemsize, compressed=compressed, exact=True)
    return Opened(
        path,
        shape,
        affine,
        lambda: read_voxels(data, shape, dtype, offset, compressed=compressed, exact=True),
        scale=nifti_header.scale(header),
        header=header,
        oriented=oriented,
    )


def _data_file(path: Path, pair: bool) -> Path:
    if not pair:
        return path
    for suffix in (".img", ".IMG"):
        if (data := path.with_suffix(suffix)).is_file() and data.stat().st_size:
            return data
    raise InputError(
        f"{path} is a header without data: {path.with_suffix('.img').name} is missing or empty; put it beside the "
        "header, or give a .nii file that holds both."
    )
