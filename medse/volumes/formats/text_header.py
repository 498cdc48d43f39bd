"""What the text headers of MetaImage and NRRD promise, before ITK allocates it."""

import gzip
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from medse.errors import InputError
from medse.files import leads_out
from medse.volumes.formats.contents import CHUNK, DEFLATE_LIMIT

_LONGEST = 1 << 20
"""Bytes within which a text header must end."""

MILLIMETRES = {"", "mm", "millimeter", "millimeters", "millimetre", "millimetres"}
"""Names of the only unit that is read, and none."""


@dataclass(frozen=True)
class TextHeader:
    """What the text says that ITK does not tell or does not check.

    Attributes:
        oriented: Whether it says where the patient's left is.
        promised: Bytes of voxels.
        data: The file that holds them.
        offset: Where they begin in it.
        packing: Empty, ``gzip``, ``zlib`` or ``text``.
        from_end: Whether the voxels are the last bytes of the file, whatever lies before them.
        stored: Compressed bytes, where the header says how many.
    """

    oriented: bool
    promised: int
    data: Path
    offset: int
    packing: str
    from_end: bool = False
    stored: int | None = None


def read_line(path: Path, file: IO[bytes], *, end: bool = False) -> str:
    """Read a line of a header; one in which ITK would see two, or another, is refused."""
    line = file.readline(_LONGEST)
    if file.tell() > _LONGEST or (not line and not end):
        raise damaged(path, "its header does not end")
    text = line.decode("utf-8", errors="replace").removesuffix("\n").removesuffix("\r")
    if any(letter < " " and letter != "\t" for letter in text):
        raise damaged(path, "a control character in its header")
    return text


def beside(path: Path, name: str) -> Path:
    """Return the data file that a header names, which must lie in the header's folder.

    ITK takes every name that begins with ``LIST``, or holds a ``%``, for a list of files.
    """
    if name.startswith(("LIST", "SKIPLIST")) or "%" in name:
        raise InputError(f"{path} keeps its voxels in several files; expected one; save it as one file.")
    if leads_out(name):
        raise InputError(
            f"{path} names the data file {name!r}, which may lie outside its folder; a header names a file in its "
            "own folder; put the data file beside it and correct the name."
        )
    return path.parent / name


def whole_numbers(path: Path, text: str, least: int = 1) -> tuple[int, ...]:
    found = numbers(path, text)
    if not found or any(not math.isfinite(n) or n < least or n != int(n) for n in found):
        raise damaged(path, f"{text!r} in its header where whole numbers from {least} on are expected")
    return tuple(int(n) for n in found)


def numbers(path: Path, text: str) -> list[float]:
    try:
        return [float(word) for word in text.split()]
    except ValueError:
        raise damaged(path, f"{text!r} in its header where numbers are expected") from None


def damaged(path: Path, what: str) -> InputError:
    return InputError(
        f"{path} cannot be read ({what}); it is damaged or no such file; copy or convert it again."
    )


def check_promise(path: Path, header: TextHeader) -> None:
    """Compare the promised bytes with those that the file holds, without keeping any."""
    if not header.data.is_file():
        raise InputError(
            f"{path} is a header without data: {header.data} is missing; put it beside the header."
        )
    stored = header.data.stat().st_size - header.offset
    if header.stored not in (None, stored):
        raise InputError(
            f"{path} is smaller than its header says, or larger: {stored:,} compressed bytes of {header.stored:,}; "
            "it is truncated or damaged and cannot be read to its end; copy it again."
        )
    if header.packing in ("", "text"):
        held = stored
    elif header.promised > max(stored, 0) * DEFLATE_LIMIT:
        held = 0
    else:
        held = _count(header)
    # Text has at least one digit and one blank per value; the widest values promise eight bytes.
    if held < (header.promised // 4 - 1 if header.packing == "text" else header.promised):
        raise InputError(
            f"{path} is smaller than its header says: {max(held, 0):,} bytes of {header.promised:,} are there; it is "
            "truncated or damaged and cannot be read to its end; copy it again."
        )
    if header.packing != "text" and not header.from_end and held > header.promised:
        raise InputError(
            f"{path} is larger than its header says: more than {header.promised:,} bytes are there; its header or "
            "its voxels are wrong; convert it again from its source."
        )


def _count(header: TextHeader) -> int:
    opening: dict[str, Callable[[IO[bytes]], Callable[[int], bytes]]] = {
        "gzip": lambda file: gzip.GzipFile(fileobj=file).read,
        "zlib": _inflating,
    }
    held = 0
    with header.data.open("rb") as file:
        file.seek(header.offset)
        read = opening[header.packing](file)
        try:
            # One byte more than promised: the stream must end there, with a checksum that fits.
            while held <= header.promised and (chunk := read(min(CHUNK, header.promised + 1 - held))):
                held += len(chunk)
        except (OSError, EOFError, zlib.error):
            return min(held, header.promised - 1)  # a damaged stream counts as one that is too short
    return held


def _inflating(file: IO[bytes]) -> Callable[[int], bytes]:
    stream = zlib.decompressobj(zlib.MAX_WBITS | 32)  # zlib or gzip, as MetaIO accepts

    def read(length: int) -> bytes:
        data = b""
        while not data and not stream.eof:
            more = stream.unconsumed_tail or file.read(CHUNK)
            if not more:
                break
            data = stream.decompress(more, length)
        if not data and not stream.eof:
            raise EOFError
        return data

    return read
