"""FreeSurfer's MGH and MGZ."""

import math
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from medse.errors import InputError
from medse.volumes.formats.contents import check_size, read_voxels, room_for, stream
from medse.volumes.formats.opened import Opened
from medse.volumes.grid import check_affine, check_spacing

_OFFSET = 284
_TYPES: dict[int, np.dtype[Any]] = {
    0: np.dtype(np.uint8),
    1: np.dtype(">i4"),
    3: np.dtype(">f4"),
    4: np.dtype(">i2"),
}


def open_mgh(path: Path) -> Opened:
    """Open a ``.mgh`` or ``.mgz`` file; what follows its voxels is left alone."""
    compressed = path.suffix.lower() == ".mgz"
    with stream(path, compressed) as file:
        block = file.read(_OFFSET)
    if len(block) < _OFFSET or int.from_bytes(block[:4], "big") != 1:
        raise InputError(
            f"{path} cannot be read as MGH (it does not begin with its header); copy the file again."
        )
    fields = np.frombuffer(block, nib.freesurfer.mghformat.header_dtype, count=1)[0]
    shape = tuple(int(n) for n in fields["dims"])
    if min(shape) < 1:
        raise InputError(
            f"{path} has axes of lengths {shape}; each needs at least one voxel; correct its header."
        )
    if (code := int(fields["type"])) not in _TYPES:
        raise InputError(
            f"{path} has the data type {code}; allowed are 0 (uint8), 1 (int32), 3 (float32) and 4 (int16); convert "
            "it with mri_convert."
        )
    dtype, shape = _TYPES[code], shape[:3] if shape[3] == 1 else shape
    oriented = int(fields["goodRASFlag"]) > 0
    if oriented:
        check_spacing(path, fields["delta"])
        affine = nib.freesurfer.mghformat.MGHHeader(block, check=False).get_affine()
        check_affine(path, affine, shape)
    else:
        affine = np.eye(4)
    promised = math.prod(shape) * dtype.itemsize
    check_size(path, _OFFSET + promised, compressed=compressed, exact=False)
    return Opened(
        path,
        shape,
        affine,
        lambda: read_voxels(path, shape, dtype, _OFFSET, compressed=compressed, exact=False),
        room_for(promised),
        oriented=oriented,
    )
