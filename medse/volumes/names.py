"""Which files are volumes, and what case each belongs to by its name or its folder."""

import logging
import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from unicodedata import category

from medse.errors import InputError, count, some

log = logging.getLogger(__name__)

PICTURES = (".png", ".jpg", ".jpeg")
"""Endings of files that hold a 2-D picture without a place in the world."""

SUFFIXES = (".nii.gz", ".nii", ".hdr", ".mgh", ".mgz", ".nrrd", ".nhdr", ".mha", ".mhd", *PICTURES)
"""Endings of the files that can be read, in lower case; capitals in a name are accepted."""

IMAGES = (*SUFFIXES, ".dcm")
"""Endings of the files that can be classified: a DICOM file is one slice, and no volume to segment."""

UNFIT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of tabs and other control characters, of bytes that are no UTF-8, and of ends of lines."""
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
"""Names that Windows keeps for devices, whatever ending follows."""


def suffix_of(path: Path, known: Collection[str] = SUFFIXES) -> str:
    """The ``known`` ending that the file's name has, or an empty text."""
    name = path.name.lower()
    return next((suffix for suffix in known if name.endswith(suffix) and name != suffix), "")


def case_id(path: Path, known: Collection[str] = SUFFIXES) -> str:
    """The file's name without folder and suffix.

    Raises:
        InputError: The file has no ``known`` ending.
    """
    if suffix := suffix_of(path, known):
        return path.name[: -len(suffix)]
    if path.suffix.lower() == ".img":
        raise InputError(f"{path} holds voxels without a header; give the .hdr file that lies beside it.")
    if is_packed(path):
        raise InputError(
            f"{path} is a volume in a compressed file that is not read; only .nii.gz and .mgz are, and formats with "
            "a compression of their own; decompress it, or compress it with gzip."
        )
    raise InputError(
        f"The name of {path} has no known ending; expected one of {', '.join(known)}; convert the file or correct "
        "its name."
    )


def check_id(name: str, place: str) -> None:
    """Raise unless a case id can name a file, within the folder that it is written to, on every system.

    Args:
        place: What gives the id, for the message.

    Raises:
        InputError: It has a slash or a control character, has a space at an end, begins or ends with a dot, is empty,
            or is the name of a device of Windows.
    """
    letters = bool(name) and not any(letter in "/\\" or category(letter) in UNFIT for letter in name)
    ends = name == name.strip() and not name.startswith(".") and not name.endswith(".")
    if not letters or not ends or _DEVICE.fullmatch(name):
        raise InputError(
            f"{place} has a case with the id {name!r}, which cannot name a file; ids have no slashes, tabs, line "
            "breaks, or spaces at their ends, start and end with no dot, and are no device of Windows (NUL, CON, "
            "...); rename it."
        )


def located(path: Path) -> Path:
    """Return ``path`` with its folder as it is without links and ``..``; a link that is the file itself is kept."""
    return Path(os.path.realpath(path.parent), path.name)


def is_packed(path: Path) -> bool:
    """Whether the name says that the file is a volume within a compressed file, such as ``a.nii.xz``."""
    return (
        path.suffix.lower() in (".gz", ".bz2", ".xz", ".zst", ".zip")
        and suffix_of(path.with_suffix("")) != ""
    )


def list_volumes(folder: Path) -> dict[str, Path]:
    """Map case id to file for the volumes directly in ``folder``, sorted, hidden ones left out.

    Of a pair only the ``.hdr`` is listed. Beside other volumes, pictures are left out: they are previews.

    Raises:
        InputError: It is no folder, cannot be listed, holds no volume, holds an ``.img`` without its ``.hdr``,
            or two files have one case id.
    """
    try:
        if not folder.is_dir():
            raise InputError(
                f"{folder} is not a folder; give one that holds volumes (.nii.gz, .mha, .png, ...)."
            )
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"{folder} cannot be listed ({error.strerror}); change its permissions.") from error
    found: dict[str, Path] = {}
    previews = set(pictures_beside(folder))
    for path in paths:
        if path.suffix.lower() == ".img" and not _has_header(path):
            raise InputError(
                f"{path} has no header beside it; add the .hdr (or .mhd, .nhdr) file, or remove it."
            )
        if path in previews or not (suffix_of(path) or is_packed(path)):
            continue
        if (name := case_id(path)) in found:
            raise InputError(
                f"{found[name]} and {path} have the same case id {name!r}; a folder holds one file per case; "
                "keep one of them."
            )
        found[name] = path
    if not found:
        deeper = next((path for inner in paths if inner.is_dir() for path in volumes_below(inner)), None)
        if deeper is None:
            raise InputError(
                f"{folder} holds no volume; expected files that end in {', '.join(SUFFIXES)}; give the folder that "
                "holds them."
            )
        first, *rest = deeper.relative_to(folder).parts
        pattern = "/".join(("{case}", *(part.replace(first, "{case}") for part in rest)))
        raise InputError(
            f"{folder} holds no volume, but there are some in folders in it, such as {deeper}; give one of these "
            f"folders or, if each is a case, a pattern such as '{folder}/{pattern}'."
        )
    return found


def volumes_below(folder: Path, levels: int = 3) -> list[Path]:
    """Return the volumes in ``folder``, or else those in the folders in it, and so on a few levels down; sorted."""
    inner = [path for path in list_folder(folder) if path.is_dir()]
    if any(suffix_of(path) and path.is_file() for path in list_folder(folder)):
        return list(list_volumes(folder).values())
    return [path for each in inner for path in volumes_below(each, levels - 1)] if levels else []


def _has_header(image: Path) -> bool:
    headers = (image.with_suffix(suffix) for suffix in (".hdr", ".HDR", ".mhd", ".nhdr"))
    return any(header.is_file() for header in headers)


def list_folder(folder: Path) -> Iterator[Path]:
    """Yield everything in ``folder`` but hidden files, sorted."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"Cannot list {folder}: {error.strerror}; give the folder that holds the files."
        ) from error
    return (path for path in paths if not path.name.startswith("."))


def case_ids(paths: Sequence[Path], places: Sequence[str], known: Collection[str] = SUFFIXES) -> list[str]:
    """Return a case id for each file of a list: its name without suffix.

    Where two names are the same, as those of ``case_0/imaging.nii.gz`` and ``case_1/imaging.nii.gz``, all ids are the
    names of folders instead: of the nearest ones above, as many levels up for every file, that are all different.

    Args:
        places: What lists each file, for messages.
        known: Endings that the files may have.

    Raises:
        InputError: A file is no volume by its name or is listed twice, or no folders tell all files apart.
    """
    names = [case_id(path, known) for path in paths]
    listed: dict[Path, int] = {}
    for k, path in enumerate(map(located, paths)):
        if (j := listed.setdefault(path, k)) != k:
            here = places[k] if places[j] == places[k] else f"{places[j]} and {places[k]}"
            raise InputError(f"{here}: {paths[k]} is given twice; a case counts once; leave one of them out.")
    if len(set(names)) == len(names):
        return names
    # links are kept: their names are meant
    above = [Path(os.path.normpath(path.absolute())).parts[-2:0:-1] for path in paths]
    for folders in zip(*above, strict=False):
        if len(set(folders)) == len(folders):
            return list(folders)
    k = next(k for k, name in enumerate(names) if name in names[:k])
    j = names.index(names[k])
    here = places[k] if places[j] == places[k] else f"{places[j]} and {places[k]}"
    raise InputError(
        f"{here}: {paths[j]} and {paths[k]} give two cases the id {names[k]!r}, and there are no folders above all "
        "files whose names would tell them apart; ids must be unique; rename one of them, or give the ids in a "
        "column 'case' of a table."
    )


def pictures_beside(folder: Path) -> list[Path]:
    """Return the pictures in ``folder`` that :func:`list_volumes` leaves out because volumes lie beside them."""
    paths = [path for path in list_folder(folder) if suffix_of(path)]
    pictures = [path for path in paths if suffix_of(path) in PICTURES]
    return pictures if len(pictures) < len(paths) else []


def remark_left_out(folders: Iterable[Path]) -> None:
    """Say once which pictures are left out of what :func:`list_volumes` finds in ``folders``."""
    left = [str(path) for folder in folders for path in pictures_beside(folder)]
    if left:
        log.info("Left out: %s beside volumes: %s.", count(left, "picture", "pictures"), some(left))
