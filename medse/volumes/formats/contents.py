"""Reading bytes without trusting a header: how many a file holds, and the voxels among them."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np

from medse.arrays import AnyArray
from medse.errors import InputError

CHUNK = 1 << 18
"""Bytes that are decompressed at a time."""
DEFLATE_LIMIT = 1032
"""No deflate stream holds more than this many bytes per compressed byte."""
LONGEST_TAIL = 1 << 26
"""Bytes that may follow the voxels of a format that lets anything follow them."""
_OTHER_PACKINGS = {b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip"}
"""What files of compressions that are not read begin with."""


@contextmanager
def stream(path: Path, compressed: bool) -> Iterator[IO[bytes]]:
    """Open ``path`` for reading, through gzip where ``compressed``.

    Raises:
        InputError: In the block: the file is not what its name says, or is damaged.
    """
    try:
        with path.open("rb") as plain:
            head = plain.read(6)
            plain.seek(0)
            if packing := next((name for mark, name in _OTHER_PACKINGS.items() if head.startswith(mark)), ""):
                raise InputError(
                    f"{path} is compressed with {packing}; only gzip is read; decompress it, or use gzip."
                )
            if not head:
                raise InputError(f"{path} is empty: it has 0 bytes; copy it again from its source.")
            magic = head.startswith(b"\x1f\x8b")
            if magic and not compressed:
                raise InputError(
                    f"{path} is gzip-compressed but its name does not say so; add .gz to its name."
                )
            if compressed and not magic:
                raise InputError(
                    f"{path} is not gzip-compressed as its name says; rename it or copy it again."
                )
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=plain)) if compressed else plain
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"{path} cannot be read to its end ({error}); it is truncated or damaged; copy it again."
        ) from error


def check_size(path: Path, promised: int, *, compressed: bool, exact: bool) -> None:
    """Compare the bytes that a header promises with those that the file holds, without keeping any.

    Args:
        promised: Bytes up to the end of the voxels, uncompressed.
        exact: Whether nothing may follow the voxels.
    """
    size = path.stat().st_size
    if not compressed:
        held = size
    elif promised > size * DEFLATE_LIMIT:
        raise InputError(
            f"{path} is smaller than its header says: {promised:,} bytes are promised and {size:,} compressed "
            "ones cannot hold them; it is truncated or damaged; copy it again."
        )
    else:
        held = _length_in_trailer(path, size)
        if held < promised or (exact and held > promised):
            held = _count(path, promised + 1)
    if held < promised:
        raise InputError(
            f"{path} is smaller than its header says: {held:,} bytes of {promised:,}; it is truncated or damaged "
            "and cannot be read to its end; copy it again."
        )
    if exact and held > promised:
        raise InputError(
            f"{path} is larger than its header says: more than the promised {promised:,} bytes; its header "
            "or its voxels are wrong; convert it again from its source."
        )


def read_voxels(
    path: Path, shape: tuple[int, ...], dtype: np.dtype, offset: int, *, compressed: bool, exact: bool
) -> AnyArray:
    """Read ``shape`` numbers, the first axis fastest, from byte ``offset`` on.

    Memory grows with what is read, so a file that lies about its size costs no more than it holds, and takes at most
    :func:`room_for` the numbers.
    """
    promised = int(np.prod(shape, dtype=object)) * dtype.itemsize
    data = bytearray()
    with stream(path, compressed) as file:
        skipped = 0
        while skipped < offset and (chunk := file.read(min(CHUNK, offset - skipped))):
            skipped += len(chunk)
        while len(data) < promised and (chunk := file.read(min(CHUNK, promised - len(data)))):
            data += chunk
        more = len(file.read(CHUNK))
        if compressed and not exact:
            while more <= LONGEST_TAIL and (chunk := file.read(CHUNK)):
                more += len(chunk)
    if len(data) < promised:
        raise InputError(
            f"{path} cannot be read to its end: {len(data):,} of {promised:,} bytes of voxels; it is truncated "
            "or damaged; copy it again."
        )
    if more > (0 if exact else LONGEST_TAIL):
        raise InputError(
            f"{path} is larger than its header says; its header or its voxels are wrong; convert it again from "
            "its source."
        )
    return np.frombuffer(data, dtype).reshape(shape, order="F")


def room_for(promised: int) -> int:
    """Bytes of memory that :func:`read_voxels` takes for as many bytes of numbers: what grows has room to spare."""
    return promised + promised // 8


def _length_in_trailer(path: Path, size: int) -> int:
    with path.open("rb") as file:
        file.seek(max(0, size - 4))
        return int.from_bytes(file.read(4), "little")


def _count(path: Path, enough: int) -> int:
    held = 0
    with stream(path, compressed=True) as file:
        while held < enough and (chunk := file.read(min(CHUNK, enough - held))):
            held += len(chunk)
    return held
