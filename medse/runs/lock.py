"""One training at a time writes a run."""

import errno
import logging
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from medse.errors import InputError
from medse.files import cannot_write

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"
"""The file that is locked. It stays: a lock is a property of the system, not of the file being there."""

_held: set[Path] = set()
"""What this process has locked: the system's locks are between processes."""

log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other trainings out of ``folder``, which is made if need be, as long as the block runs.

    The lock is a record lock of POSIX: it vanishes with the process that holds it, also with one that is killed, is
    not inherited by the processes that prepare patches, and counts on NFS between machines where the server knows
    locks. Where the file system knows none, and on Windows, a remark says so and nothing is locked.

    Raises:
        InputError: Another training writes the folder, or it cannot be written to.
    """
    path = (folder / LOCK).resolve()
    if path in _held:
        raise _taken(folder, "this process")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="utf-8", errors="replace")
    except OSError as error:
        raise cannot_write(path, error.errno, "make room or give another run folder (--run)") from error
    with file:
        if not _take(file, folder):
            file.seek(0)
            raise _taken(folder, file.readline(200).strip() or "another process")
        _held.add(path)
        try:
            _sign(file, path)
            yield
        finally:
            _held.discard(path)


def _take(file: TextIO, folder: Path) -> bool:
    reason = "Windows has no such locks"
    if sys.platform != "win32":
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                return False
            reason = str(error.strerror)
        else:
            return True
    log.warning("%s cannot be locked (%s): see to it that no other training writes it", folder, reason)
    return True


def _sign(file: TextIO, path: Path) -> None:
    try:
        file.truncate(0)
        file.write(f"process {os.getpid()} on {platform.node()}\n")
        file.flush()
    except OSError as error:
        raise cannot_write(path, error.errno, "make room or give another run folder (--run)") from error


def _taken(folder: Path, holder: str) -> InputError:
    return InputError(
        f"{folder} is being trained by {holder}; one training at a time writes a run; wait for its end, or give "
        "another run folder (--run)."
    )
