"""Which files are volumes, and what case each belongs to by its name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medse.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg")
"""Endings of files that hold a 2-D picture without a place in the world."""

SUFFIXES = (".nii.gz", ".nii", ".hdr", ".mgh", ".mgz", ".nrrd", ".nhdr", ".mha", ".mhd", *PICTURES)
"""Endings of the files that can be read, in lower case; capitals in a name are accepted."""


def suffix_of(path: Path) -> str:
    """The one of :data:`SUFFIXES` that the file's name ends in, or an empty text."""
    name = path.name.lower()
    return next((suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix), "")


def case_id(path: Path) -> str:
    """The file's name without folder and suffix.

    Raises:
        InputError: The file does not end in one of :data:`SUFFIXES`.
    """
    if suffix := suffix_of(path):
        return path.name[: -len(suffix)]
    if path.suffix.lower() == ".img":
        raise InputError(f"{path} holds voxels without a header; give the .hdr file that lies beside it.")
    if is_packed(path):
        raise InputError(
            f"{path} is a volume in a compressed file that is not read; only .nii.gz and .mgz are, and formats with "
            "a compression of their own; decompress it, or compress it with gzip."
        )
    raise InputError(
        f"{path} is not a volume by its name; expected one that ends in {', '.join(SUFFIXES)}; convert the "
        "file or correct its name."
    )


def is_packed(path: Path) -> bool:
    """Whether the name says that the file is a volume within a compressed file, such as ``a.nii.xz``."""
    return (
        path.suffix.lower() in (".gz", ".bz2", ".xz", ".zst", ".zip")
        and suffix_of(path.with_suffix("")) != ""
    )


def list_volumes(folder: Path) -> dict[str, Path]:
    """Map case id to file for the volumes directly in ``folder``, sorted, hidden ones left out.

    Of a pair only the ``.hdr`` is listed.

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
    for path in paths:
        if path.suffix.lower() == ".img" and not _has_header(path):
            raise InputError(
                f"{path} has no header beside it; add the .hdr (or .mhd, .nhdr) file, or remove it."
            )
        if not suffix_of(path) and not is_packed(path):
            continue
        if (name := case_id(path)) in found:
            raise InputError(
                f"{found[name]} and {path} have the same case id {name!r}; a folder holds one file per case; "
                "keep one of them."
            )
        found[name] = path
    if not found:
        raise InputError(f"{folder} holds no volume; expected files that end in {', '.join(SUFFIXES)}.")
    return found


def _has_header(image: Path) -> bool:
    headers = (image.with_suffix(suffix) for suffix in (".hdr", ".HDR", ".mhd", ".nhdr"))
    return any(header.is_file() for header in headers)


CASE = "{case}"


@dataclass(frozen=True)
class NamePattern:
    """Where the files of one kind lie, such as ``images/{case}_t1.nii.gz`` in a folder.

    Attributes:
        start: What their names have before the case id.
        end: What their names have after it, file suffix included.
    """

    folder: Path
    start: str
    end: str

    @classmethod
    def of(cls, root: Path, text: str) -> "NamePattern":
        """Build from a text that :func:`check_pattern` accepts, relative to ``root``."""
        path = root / text
        start, end = path.name.split(CASE)
        return cls(path.parent, start, end)

    @property
    def suffix(self) -> str:
        """The suffix of a volume that :attr:`end` ends in, as it is spelt there."""
        return self.end[-len(suffix_of(self.file(CASE))) :]

    def case(self, name: str) -> str:
        """Return the case id in a file's ``name``, an empty text if it does not fit."""
        fits = name.startswith(self.start) and name.endswith(self.end)
        return name[len(self.start) : len(name) - len(self.end)] if fits else ""

    def file(self, case: str) -> Path:
        return self.folder / f"{self.start}{case}{self.end}"

    def __str__(self) -> str:
        return str(self.file(CASE))


def check_pattern(text: str) -> str:
    """Return ``text`` if it can be a :class:`NamePattern`.

    Raises:
        ValueError: ``{case}`` does not occur exactly once, in the file name, or that ends in no volume's suffix.
    """
    folder, _, name = text.rpartition("/")
    if name.count(CASE) != 1 or CASE in folder:
        raise ValueError(f"a pattern has {CASE} exactly once, in the file name, as in images/{CASE}.nii.gz")
    if not suffix_of(Path(name)):
        raise ValueError(f"a pattern ends in the suffix of a volume: {', '.join(SUFFIXES)}")
    return text


def match_cases(patterns: Sequence[NamePattern]) -> dict[str, tuple[Path, ...]]:
    """Map each case id, sorted, to its files in the order of ``patterns``.

    A file that fits several patterns belongs to the longest: beside ``{case}_seg.nii.gz``, ``a_seg.nii.gz`` is no
    ``{case}.nii.gz``. Hidden files, and files that fit no pattern, are left out.

    Raises:
        InputError: A folder cannot be listed, no file fits, a file fits two patterns equally well or one of them
            but for its suffix, or a case lacks a file.
    """
    found: list[dict[str, Path]] = [{} for _ in patterns]
    for folder in dict.fromkeys(pattern.folder for pattern in patterns):
        here = [pattern for pattern in patterns if pattern.folder == folder]
        for path in list_folder(folder):
            chosen = _choose(path, here)
            if chosen and (case := chosen.case(path.name)):
                found[patterns.index(chosen)][case] = path
    cases = sorted(set().union(*found))
    if not cases:
        raise InputError(
            f"No file fits {' or '.join(map(str, patterns))}; add the files or correct the pattern."
        )
    whole = {name: tuple(files[name] for files in found if name in files) for name in cases}
    if lacking := [name for name in cases if len(whole[name]) < len(patterns)]:
        name, others = lacking[0], len(lacking) - 1
        missing = next(p.file(name) for p, files in zip(patterns, found, strict=True) if name not in files)
        more = f" (nor do files of {others} more {'cases' if others > 1 else 'case'})" if others else ""
        raise InputError(
            f"{whole[name][0]} belongs to case {name!r}, whose file {missing} does not exist{more}; every case needs "
            "all its channels and a label; add the file or remove the case."
        )
    return whole


def find_volumes(where: Path) -> dict[str, Path]:
    """Map case id to file, sorted, in a folder; or by a pattern in one, such as ``labels/{case}_seg.nii.gz``.

    Files that do not fit the pattern are left out.

    Raises:
        InputError: As :func:`list_volumes`; or it is no pattern, or no file fits it.
    """
    if CASE not in str(where):
        return list_volumes(where)
    try:
        check_pattern(where.as_posix())
    except ValueError as error:
        raise InputError(f"{where} cannot be used: {error}; correct it.") from None
    pattern = NamePattern.of(where.parent, where.name)
    found = {pattern.case(path.name): path for path in list_folder(where.parent)}
    found.pop("", None)
    if not found:
        raise InputError(f"No file fits {where}; add the files or correct the pattern.")
    return found


def list_folder(folder: Path) -> Iterator[Path]:
    """Yield everything in ``folder`` but hidden files, sorted."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(
            f"Cannot list {folder}: {error.strerror}; give the folder that holds the files."
        ) from error
    return (path for path in paths if not path.name.startswith("."))


def _choose(path: Path, patterns: Sequence[NamePattern]) -> NamePattern | None:
    fitting = [pattern for pattern in patterns if pattern.case(path.name)]
    longest = max((len(pattern.start + pattern.end) for pattern in fitting), default=0)
    best = [pattern for pattern in fitting if len(pattern.start + pattern.end) == longest]
    if len(best) > 1:
        raise InputError(
            f"{path} fits both {best[0]} and {best[1]}; tell the patterns apart or move the file."
        )
    if not best:
        _refuse_other_suffix(path, patterns)
    return best[0] if best else None


def _refuse_other_suffix(path: Path, patterns: Sequence[NamePattern]) -> None:
    """Raise if ``path`` would be the missing file of a case if only its suffix were another."""
    if not suffix_of(path):
        return
    for pattern in patterns:
        case = pattern.case(case_id(path) + pattern.suffix)
        if case and not pattern.file(case).exists():
            raise InputError(
                f"{path} fits {pattern} but for its suffix; all files of a pattern have the same; convert it to "
                f"{pattern.suffix} or move it elsewhere."
            )
