"""Writing files so that a failure never leaves half of one behind, and JSON in both directions."""

import errno
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from medse.errors import InputError

_PROBE = 1 << 16
"""Bytes written to learn why a writer failed."""

ROOM = "make room or give another output (--out) that can be written to"
"""What to do where a file cannot be written, unless the writer knows better."""

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM}
"""Errors of the system that the user can mend: no space, quota, read-only, device, permissions."""


_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}
"""Errors of file systems that cannot be told to write at once; they write when they see fit."""

PART = ".part-"
"""How the names of unfinished files begin; a killed process leaves them behind."""


@contextmanager
def atomic_path(path: Path, remedy: str = ROOM) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; rename it to ``path`` when the block ends well.

    The temporary name ends like ``path``, so writers that look at the suffix (``.nii.gz``) behave. When
    the block raises, the temporary file is removed and ``path`` is as it was. The content is on the disk before
    the name is, so that a power cut leaves the old file or the new one.

    Raises:
        InputError: The folder cannot be written to, or has no room for the file; it ends with ``remedy``.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=PART, suffix=f"-{path.name[-20:]}", dir=path.parent)
    except OSError as error:
        raise cannot_write(path, error.errno, remedy) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _sync(temporary)
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
        if os.name != "nt":  # Windows opens no folders
            _sync(path.parent)
    except Exception as error:
        if (code := _system_error(error, temporary)) is None:
            raise
        raise cannot_write(path, code, remedy) from error
    finally:
        temporary.unlink(missing_ok=True)


def given_path(given: str | Path) -> Path:
    """Return a path that a user gave, with ``~`` at its start replaced by the home folder.

    The shell does it for whole arguments, not after a ``=``, in a file or in Python.

    Raises:
        InputError: It is an empty text, which would stand for the current folder.
    """
    if given == "":
        raise InputError(
            "A path was given as an empty text; the name of a file or folder is expected; give it."
        )
    return Path(os.path.expanduser(given))  # noqa: PTH111  (Path.expanduser raises at ~ before what is no user)


def write_text(path: Path, text: str, remedy: str = ROOM) -> None:
    """Write ``text`` to ``path`` as UTF-8, wholly or not at all."""
    with atomic_path(path, remedy) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, content: object, remedy: str = ROOM) -> None:
    """Write ``content`` to ``path`` as JSON, wholly or not at all; a name that is no UTF-8 comes back as it was."""
    write_text(path, as_text(json.dumps(content, indent=1, ensure_ascii=False)) + "\n", remedy)


def as_text(name: str) -> str:
    """Return a name in which bytes that are no UTF-8, as file names may have them, are escaped: ``\\udcfc``."""
    return name.encode("utf-8", "backslashreplace").decode()


def read_json(path: Path, remedy: str) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        InputError: It is missing, is not JSON, names a key twice, or is no object; it ends with ``remedy``.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_refuse_repeated)
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; {remedy}.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error}); {remedy}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {type(content).__name__}; expected a JSON object; {remedy}.")
    return content


def refuse_separator(header: Sequence[str], place: str) -> None:
    """Raise when the first line of a table of commas, at ``place``, is one cell with other separators in it."""
    if len(header) == 1 and (separator := next((s for s in (";", "\t") if s in header[0]), None)):
        raise InputError(
            f"{place} separates its columns by {separator!r}; expected commas; save it with commas."
        )


def leads_out(name: str) -> bool:
    """Whether a path that a file names is absolute, in any system's spelling, or goes up by ``..``.

    The path is judged as it is written: symbolic links are followed, as they are where a file is given by name.
    """
    spelt = (PurePosixPath(name), PureWindowsPath(name))
    return any(path.anchor or ".." in path.parts for path in spelt)


def refuse_existing(folder: Path, remedy: str, inputs: Iterable[Path] = ()) -> None:
    """Raise when ``folder`` exists and holds anything, or lies in one of the ``inputs``.

    Raises:
        InputError: It does; if it exists, the sentence ends with ``remedy``.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        problem = "is a file" if folder.is_file() else "exists and is not empty"
        raise InputError(f"{folder} {problem}; {remedy}.")
    for given in inputs:
        refuse_inside(folder, given)


def refuse_inside(out: Path, folder: Path) -> None:
    """Raise when ``out`` is ``folder`` or lies in it: what is written must never be read as input again.

    Raises:
        InputError: It does.
    """
    if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{out} lies in the input folder {folder}; give an output folder (--out) elsewhere.")


def _refuse_repeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"it names {key!r} twice")
        found[key] = value
    return found


def cannot_write(path: Path, code: int | None, remedy: str = ROOM) -> InputError:
    """Return the error that says why ``path`` was not written."""
    reason = os.strerror(code) if code else "the system refused"
    return InputError(f"Cannot write {path}: {reason}; {remedy}.")


def _system_error(error: Exception, temporary: Path) -> int | None:
    """The system's error number behind ``error`` if the user can mend it; None for any other failure.

    Writers in C++ and Rust raise errors of their own: some name the number in their text, for the others a
    short write to the same file meets the same obstacle.
    """
    if isinstance(error, OSError):
        return error.errno if error.errno in _NO_ROOM else None
    if isinstance(error, InputError):
        return None
    if named := re.search(r"os error (\d+)", str(error)):
        return int(named[1])
    try:
        with temporary.open("ab") as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as obstacle:
        return obstacle.errno
    return None


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
