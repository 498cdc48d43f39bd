"""The header of a MetaImage: ``.mha`` and ``.mhd``."""

import math
import re
from pathlib import Path

from medse.errors import InputError
from medse.volumes.formats.text_header import (
    MILLIMETRES,
    TextHeader,
    beside,
    damaged,
    numbers,
    read_line,
    whole_numbers,
)
from medse.volumes.grid import check_spacing

_BYTES = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG": 4,
    "MET_ULONG": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}


_PER_AXIS = ("ElementSpacing", "ElementSize", "Offset", "Position", "Origin", "CenterOfRotation")
_MATRICES = ("TransformMatrix", "Rotation", "Orientation")


def read_meta(path: Path) -> TextHeader:
    """Read the header of a ``.mha`` or ``.mhd`` file."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        while "ElementDataFile" not in fields:
            key, *value = re.split("[=:]", read_line(path, file), maxsplit=1)  # ITK separates by both
            if not value:
                raise damaged(path, "a line without '='")
            if (name := key.strip()) in fields:
                raise damaged(path, f"{name!r} twice in its header")
            fields[name] = value[0].strip()
        offset = file.tell()
    if fields.get("ObjectType", "Image") != "Image":
        raise InputError(
            f"{path} holds a {fields['ObjectType']} and no image; give the image that belongs to it."
        )
    sizes = whole_numbers(path, fields.get("DimSize", ""))
    axes = len(sizes)
    counts = {"NDims": 1, **dict.fromkeys(_PER_AXIS, axes), **dict.fromkeys(_MATRICES, axes * axes)}
    for key in counts.keys() & fields.keys():
        found = numbers(path, fields[key])
        if len(found) != counts[key] or not all(math.isfinite(n) for n in found):
            raise damaged(path, f"{key} = {fields[key]!r} does not fit {axes} axes")
    if fields.get("NDims") != str(axes) or not 2 <= axes <= 4:
        raise damaged(path, f"NDims = {fields.get('NDims')} and {axes} lengths; expected 2 to 4 axes of both")
    if (kind := fields.get("ElementType", "")) not in _BYTES:
        raise InputError(
            f"{path} has the ElementType {kind or 'none'}; expected one number per value; convert it."
        )
    for key in ("ElementSpacing", "ElementSize"):
        if key in fields:
            check_spacing(path, numbers(path, fields[key]))
    if fields.get("DistanceUnits", "?").lower() not in (*MILLIMETRES, "?", "undefined"):
        raise InputError(
            f"{path} counts distances in {fields['DistanceUnits']}; expected mm; convert its header."
        )
    channels = whole_numbers(path, fields.get("ElementNumberOfChannels", "1"))[0]
    skip = whole_numbers(path, fields.get("HeaderSize", "0"), least=-1)[0]
    local = fields["ElementDataFile"] in ("LOCAL", "Local", "local")
    packing = "zlib" if _true(path, fields, "CompressedData") else ""
    if not _true(path, fields, "BinaryData"):
        raise InputError(f"{path} holds its voxels as text; only binary ones are read; convert it.")
    # ITK needs the compressed length: without it, it warns and returns voxels that are not the file's.
    stored = whole_numbers(path, fields.get("CompressedDataSize", ""))[0] if packing == "zlib" else None
    return TextHeader(
        len(sizes) >= 3 and any(key in fields for key in _MATRICES),
        math.prod(sizes) * channels * _BYTES[kind],
        path if local else beside(path, fields["ElementDataFile"]),
        offset if local else max(0, skip),
        packing,
        from_end=not local and skip == -1,
        stored=stored,
    )


def _true(path: Path, fields: dict[str, str], key: str) -> bool:
    if (text := fields.get(key, "False")) not in ("True", "False"):
        raise damaged(path, f"{key} = {text}, which is neither True nor False")
    return text == "True"
