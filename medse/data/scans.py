"""Which files are the scans to segment: one per scan, or one per channel of each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from medse.data.readers.case_table import ids_of, image_columns
from medse.data.readers.csv_table import read_table
from medse.data.readers.listing import existing
from medse.errors import InputError
from medse.volumes.names import case_id, case_ids, check_id, list_volumes, located, remark_left_out, suffix_of
from medse.volumes.patterns import CASE, NamePattern, find_volumes, match_cases

NUMBERED = re.compile(r"(.+)_(\d{4})")
"""Case and channel number of a file name in nnU-Net's manner, without suffix."""

Scan = tuple[Path, ...]


def collect_scans(
    inputs: Sequence[Path],
    channels: int,
    layout: str,
    images: tuple[str, ...] | None = None,
    case: str = "case",
) -> dict[str, Scan]:
    """Map case id to the files of its channels, in order.

    Where the names of files and of those in folders repeat, cases are named as of :func:`case_ids`.

    Args:
        inputs: Files; folders of them; patterns such as ``scans/{case}_t1.nii.gz`` or ``scans/{case}/ct.nii.gz``; and
            CSV tables with a column of paths for each channel.
        channels: Channels of a scan.
        layout: Name of the layout that the run was trained on. After ``nnunet``, names end in a channel number
            (``case_0000``); after ``folders`` with several channels or a folder for each case, a folder is searched
            by its patterns. Otherwise files of several channels are taken apart by such numbers if all have one, and
            if not, each file must hold all channels.
        images: What that layout says of the images: columns of a table, or patterns.
        case: Column of case ids in tables.

    Raises:
        InputError: An input does not exist or is no volume, an id cannot name a file, two share one, or a channel is
            missing.
    """
    scans: dict[str, Scan] = {}
    loose: list[Path] = []
    for given in inputs:
        named = _named(given, channels, layout, images, case)
        if named is None:
            loose += list_volumes(given).values() if given.is_dir() else [_existing(given)]
            continue
        for name, files in named:
            _add(scans, name, files)
    remark_left_out(given for given in inputs if given.is_dir())
    for name, files in _by_number(loose, channels, numbered=layout == "nnunet"):
        _add(scans, name, files)
    return scans


def _add(scans: dict[str, Scan], name: str, files: Scan) -> None:
    check_id(name, str(files[0]))
    other = scans.setdefault(name, files)
    if other is not files and [*map(located, other)] == [*map(located, files)]:
        raise InputError(f"{files[0]} is given twice; a scan is segmented once; leave one of them out.")
    if other is not files:
        raise InputError(
            f"{other[0]} and {files[0]} have the same case id {name!r}; ids must be unique; rename one of them, or "
            "name the cases in a table with a column 'case'."
        )


def _existing(given: Path) -> Path:
    if not given.exists():
        raise InputError(f"{given} does not exist; give image files or folders of them.")
    case_id(given)
    return given


def _named(
    given: Path, channels: int, layout: str, images: tuple[str, ...] | None, case: str
) -> Iterator[tuple[str, Scan]] | None:
    """Yield the case id and the files of what an input names; None if it is a file, or a folder of them."""
    if given.suffix.lower() == ".csv":
        return _rows(given, images if layout == "csv" else None, case)
    if given.is_dir() and layout == "folders":
        patterns = [NamePattern.of(given, NamePattern.of(Path(), text).inner) for text in images or ()]
        if channels > 1 or any(pattern.rest for pattern in patterns):
            return iter(match_cases(patterns).items())
    if not given.exists() and CASE in str(given):
        return ((name, (path,)) for name, path in find_volumes(given).items())
    return None


def _rows(path: Path, images: tuple[str, ...] | None, case: str) -> Iterator[tuple[str, Scan]]:
    table = read_table(path)
    columns = image_columns(table, images)
    for name, row in zip(ids_of(table, path.parent, columns[0], case), table.rows, strict=True):
        yield name, tuple(existing(path.parent, row[column], row.place) for column in columns)


def _by_number(files: Sequence[Path], channels: int, *, numbered: bool) -> Iterator[tuple[str, Scan]]:
    """Put the files of one scan together by the channel numbers in their names.

    A scan that has only the number 0 is a file with all channels.
    """
    matches = {path: NUMBERED.fullmatch(case_id(path)) for path in files}
    several = any(match and int(match[2]) for match in matches.values())
    if not numbered and (channels == 1 or not several or None in matches.values()):
        _refuse_channels(matches)
        yield from _single(files)
        return
    expected = "_0000" if channels == 1 else f"_0000 to _{channels - 1:04}"
    numbers: dict[Path, tuple[Path, int]] = {}
    for path, match in matches.items():
        if match is None:
            raise InputError(
                f"{path} names no channel; this run was trained on one file per channel, whose names end in "
                f"{expected}; rename it."
            )
        numbers[path] = (path.with_name(f"{match[1]}.nii"), int(match[2]))
    repeat = len({(whole.name, number) for whole, number in numbers.values()}) < len(numbers)
    scans: dict[Path, dict[int, Path]] = {}
    for path in files:
        whole, number = numbers[path]
        scan = scans.setdefault(whole if repeat else Path(whole.name), {})
        if scan.setdefault(number, path) is not path:
            raise InputError(
                f"{scan[number]} and {path} are the same channel of one scan; leave one of them out."
            )
    for whole, found in scans.items():
        if sorted(found) not in ([0], list(range(channels))):
            there = " and ".join(str(path) for _, path in sorted(found.items()))
            raise InputError(
                f"Case {case_id(whole)!r} has {there}; this run needs {channels} "
                f"channel{'s' * (channels > 1)}, whose names end in {expected}; add or remove files."
            )
    names = case_ids(list(scans), ["The inputs"] * len(scans))
    for name, found in zip(names, scans.values(), strict=True):
        yield name, tuple(path for _, path in sorted(found.items()))


def _refuse_channels(matches: Mapping[Path, re.Match[str] | None]) -> None:
    """Raise if all files are numbered and those of a case from 0 on: the channels of one scan, not scans."""
    cases: dict[tuple[Path, str], dict[int, Path]] = {}
    for path, match in matches.items():
        if match is None:
            return
        cases.setdefault((path.parent, match[1]), {})[int(match[2])] = path
    for (folder, name), found in cases.items():
        if len(found) > 1 and 0 in found:
            suffix = suffix_of(found[0])
            raise InputError(
                f"Case {name!r} in {folder} has {len(found)} files that are numbered as channels, and this run has 1 "
                f"channel; expected a file for each scan; give those of it as '{folder}/{CASE}_0000{suffix}' "
                f"or, if each is a scan of its own, '{folder}/{CASE}{suffix}'."
            )


def _single(files: Sequence[Path]) -> Iterator[tuple[str, Scan]]:
    for name, path in zip(case_ids(files, ["The inputs"] * len(files)), files, strict=True):
        yield name, (path,)
