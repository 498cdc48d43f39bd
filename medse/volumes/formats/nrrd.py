"""The header of an NRRD file: ``.nrrd`` and ``.nhdr``."""

import math
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

_NAMES = {
    1: "signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t",
    2: "short|short int|signed short|signed short int|int16|int16_t"
    "|ushort|unsigned short|unsigned short int|uint16|uint16_t",
    4: "int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|float",
    8: "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t"
    "|ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t|double",
}
_BYTES = {name: size for size, names in _NAMES.items() for name in names.split("|")}
_SPACES = {
    "right-anterior-superior",
    "left-anterior-superior",
    "left-posterior-superior",
    "ras",
    "las",
    "lps",
}
_PACKINGS = {
    "raw": "",
    "gzip": "gzip",
    "gz": "gzip",
    **dict.fromkeys(("ascii", "text", "txt", "hex"), "text"),
}


def read_nrrd(path: Path) -> TextHeader:
    """Read the header of a ``.nrrd`` or ``.nhdr`` file."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        if not read_line(path, file).startswith("NRRD000"):
            raise damaged(path, "no NRRD mark")
        while (line := read_line(path, file, end=True)).strip():
            key, colon, value = line.partition(":")
            if not line.startswith("#") and colon and not value.startswith("="):
                if (name := key.strip().lower()) in fields:
                    raise damaged(path, f"{name!r} twice in its header")
                fields[name] = value.strip()
        offset = file.tell()
    sizes = whole_numbers(path, fields.get("sizes", ""))
    if fields.get("dimension") != str(len(sizes)) or not 2 <= len(sizes) <= 5:
        raise damaged(
            path, f"dimension {fields.get('dimension')} and {len(sizes)} sizes; expected 2 to 5 of both"
        )
    if (kind := fields.get("type", "").lower()) not in _BYTES:
        raise InputError(f"{path} has the type {kind or 'none'}; expected integers or floats; convert it.")
    if "spacings" in fields:
        check_spacing(path, [n for n in numbers(path, fields["spacings"]) if not math.isnan(n)])
    units = {unit.lower() for unit in fields.get("space units", "").replace('"', " ").split()}
    if units - MILLIMETRES:
        raise InputError(
            f"{path} counts distances in {', '.join(sorted(units))}; expected mm; convert its header."
        )
    if (encoding := fields.get("encoding", "raw").lower()) not in _PACKINGS:
        raise InputError(
            f"{path} has the encoding {encoding}; allowed are {', '.join(_PACKINGS)}; save it with gzip, as by "
            f"unu save -f nrrd -e gzip -i {path.name} -o gzip.nrrd."
        )
    detached = fields.get("data file", fields.get("datafile", ""))
    skip = whole_numbers(path, fields.get("byte skip", fields.get("byteskip", "0")), least=-1)[0]
    return TextHeader(
        fields.get("space", "").lower() in _SPACES,
        math.prod(sizes) * _BYTES[kind],
        beside(path, detached) if detached else path,
        max(0, skip) + (0 if detached else offset),
        _PACKINGS[encoding],
        from_end=skip == -1,
    )
