"""Where the files of cases lie by a pattern: ``images/{case}_t1.nii.gz``, ``{case}/anat/{case}_T1w.nii.gz``."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from medse.errors import InputError
from medse.files import given_path
from medse.volumes.names import SUFFIXES, case_id, list_folder, list_volumes, suffix_of

CASE = "{case}"


@dataclass(frozen=True)
class NamePattern:
    """Where the files of one kind lie; ``{case}`` stands for the case id wherever it occurs.

    Attributes:
        folder: What is searched; ``{case}`` does not occur in it.
        name: The first part of the path that has ``{case}``: the name of a file, or of a folder for each case.
        rest: What follows in the folder of a case, such as ``anat/{case}_T1w.nii.gz``; empty where ``name`` is that
            of the file.
    """

    folder: Path
    name: str
    rest: str = ""

    @classmethod
    def of(cls, root: Path, text: str) -> "NamePattern":
        """Build from a text that :func:`check_pattern` accepts, relative to ``root``."""
        parts = (root / given_path(text)).parts
        first = next(k for k, part in enumerate(parts) if CASE in part)
        return cls(Path(*parts[:first]), parts[first], "/".join(parts[first + 1 :]))

    @property
    def inner(self) -> str:
        """The pattern within :attr:`folder`."""
        return f"{self.name}/{self.rest}" if self.rest else self.name

    @property
    def letters(self) -> int:
        """How many letters a path has beside the case id."""
        return len(self.inner.replace(CASE, ""))

    @property
    def suffix(self) -> str:
        """The suffix of a volume that the pattern ends in, as it is spelt there."""
        return self.inner[-len(suffix_of(Path(self.inner))) :]

    def case(self, name: str) -> str:
        """Return the case id in the ``name`` of a file or folder in :attr:`folder`, nothing if it does not fit."""
        fit = _expression(self.name).fullmatch(name)
        return fit["case"] if fit else ""

    def file(self, case: str) -> Path:
        return self.folder / self.inner.replace(CASE, case)

    def files(self) -> Iterator[tuple[str, Path]]:
        """Yield case id and path of everything that fits, sorted."""
        for path in list_folder(self.folder):
            if (case := self.case(path.name)) and (not self.rest or self.file(case).exists()):
                yield case, self.file(case)

    def refuse_other_suffix(self) -> None:
        """Raise if a file would be the one of a case that has none if only its suffix were another."""
        for path in list_folder(self.folder):
            case = self.case(path.name if self.rest else f"{path.name[: -len(suffix_of(path))]}{self.suffix}")
            if not case or not (self.rest or suffix_of(path)) or (wanted := self.file(case)).exists():
                continue
            others = (wanted.with_name(f"{case_id(wanted)}{suffix}") for suffix in SUFFIXES)
            other = next(filter(Path.exists, others), None) if self.rest else path
            if other:
                raise InputError(
                    f"{other} fits {self} but for its suffix; all files of a pattern have the same; convert it to "
                    f"{self.suffix} or move it elsewhere."
                )

    def __str__(self) -> str:
        return str(self.folder / self.inner)


@cache
def _expression(name: str) -> re.Pattern[str]:
    """What matches the names that fit, with the group ``case``; its further occurrences must be the same."""
    start, *between = map(re.escape, name.split(CASE))
    return re.compile(f"{start}(?P<case>.+){'(?P=case)'.join(between)}", re.DOTALL)


def check_pattern(text: str) -> str:
    """Return ``text`` if it can be a :class:`NamePattern` of volumes.

    Raises:
        ValueError: ``{case}`` does not occur, or the file name ends in no volume's suffix.
    """
    if CASE not in text:
        raise ValueError(
            f"a pattern has {CASE} in the name of the file, as in images/{CASE}.nii.gz, or of a folder, as in "
            f"{CASE}/imaging.nii.gz"
        )
    if not suffix_of(Path(text)):
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
    fitting: dict[Path, list[tuple[int, str]]] = {}
    for k, pattern in enumerate(patterns):
        for case, path in pattern.files():
            fitting.setdefault(path, []).append((k, case))
    found: list[dict[str, Path]] = [{} for _ in patterns]
    for path, owners in fitting.items():
        longest = max(patterns[k].letters for k, _ in owners)
        (k, case), *others = [owner for owner in owners if patterns[owner[0]].letters == longest]
        if others:
            raise InputError(
                f"{path} fits both {patterns[k]} and {patterns[others[0][0]]}; tell the patterns apart or move the "
                "file."
            )
        found[k][case] = path
    for pattern in patterns:
        pattern.refuse_other_suffix()
    cases = sorted(set().union(*found))
    if not cases:
        raise InputError(
            f"No file fits {' or '.join(map(str, patterns))}; add the files or correct the pattern."
        )
    whole = {name: tuple(files[name] for files in found if name in files) for name in cases}
    if lacking := [name for name in cases if len(whole[name]) < len(patterns)]:
        name, others_lack = lacking[0], len(lacking) - 1
        missing = next(p.file(name) for p, files in zip(patterns, found, strict=True) if name not in files)
        several = "cases" if others_lack > 1 else "case"
        more = f" (nor do files of {others_lack} more {several})" if others_lack else ""
        raise InputError(
            f"{whole[name][0]} belongs to case {name!r}, whose file {missing} does not exist{more}; every case needs "
            "all its channels and a label; add the file or remove the case."
        )
    return whole


def find_volumes(where: Path) -> dict[str, Path]:
    """Map case id to file, sorted, in a folder; or by a pattern, such as ``labels/{case}_seg.nii.gz``.

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
    found = dict(sorted(NamePattern.of(Path(), str(where)).files()))
    if not found:
        raise InputError(f"No file fits {where}; add the files or correct the pattern.")
    return found
