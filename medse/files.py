"""Writing files so that a failure never leaves half of one behind."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medse.errors import InputError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; rename it to ``path`` when the block ends well.

    The temporary name ends like ``path``, so writers that look at the suffix (``.nii.gz``) behave. When
    the block raises, the temporary file is removed and ``path`` is as it was.

    Raises:
        InputError: The folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".part-", suffix=f"-{path.name}", dir=path.parent)
    except OSError as error:
        raise InputError(
            f"Cannot write {path}: {error.strerror or error}; give another --out or free the folder."
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, wholly or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def refuse_existing(folder: Path, remedy: str) -> None:
    """Raise when ``folder`` exists and holds anything.

    Raises:
        InputError: It does; the sentence ends with ``remedy``.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise InputError(f"{folder} exists and is not empty; {remedy}.")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
