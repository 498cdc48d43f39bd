"""Which files are the scans to segment: one per scan, or one per channel of each."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from medse.data.readers.case_table import ids_of, image_columns
from medse.data.readers.csv_table import read_table
from medse.data.readers.listing import existing
from medse.errors import InputError
from medse.volumes.names import CASE, NamePattern, case_id, find_volumes, match_cases

NUMBERED = re.compile(r"(.+)_(\d{4})")
"""Case and channel number of a file name in nnU-Net's manner, without suffix."""

Scan = tuple[Path, ...]


def collect_scans(
    inputs: Sequence[Path], channels: int, layout: str, images: tuple[str, ...] | None = None
) -> dict[str, Scan]:
    """Map case id to the files of its channels, in order.

    Args:
        inputs: Files; folders of them; patterns such as ``scans/{case}_t1.nii.gz``; and CSV tables with a column
            of paths for each channel.
        channels: Channels of a scan.
        layout: Name of the layout that the run was trained on. After ``nnunet``, names end in a channel number
            (``case_0000``); after ``folders`` with several channels, a folder is searched by its patterns. Otherwise
            files of several channels are taken apart by such numbers if all have one, and if not, each file must
            hold all channels.
        images: What that layout says of the images: columns of a table, or patterns.

    Raises:
        InputError: An input does not exist or is no volume, two share a case id, or a channel is missing.
    """
    scans: dict[str, Scan] = {}
    loose: dict[str, Path] = {}
    for given in inputs:
        for name, files in _files(given, channels, layout, images):
            other = scans.get(name) or ((loose[name],) if name in loose else None)
            if other:
                raise InputError(
                    f"{other[0]} and {files[0]} have the same case id {name!r}; rename one of them."
                )
            if len(files) == 1:
                loose[name] = files[0]
            else:
                scans[name] = files
    return scans | _by_number(loose, channels, layout == "nnunet")


def _files(
    given: Path, channels: int, layout: str, images: tuple[str, ...] | None
) -> Iterator[tuple[str, Scan]]:
    """Yield the case id and the files of what an input names."""
    if given.suffix.lower() == ".csv":
        table = read_table(given)
        columns = image_columns(table, images if layout == "csv" else None)
        for row, name in zip(table.rows, ids_of(table, columns[0]), strict=True):
            yield name, tuple(existing(given.parent / row[column], row.place) for column in columns)
    elif given.is_dir() and layout == "folders" and channels > 1:
        patterns = [NamePattern.of(given, Path(text).name) for text in images or ()]
        yield from match_cases(patterns).items()
    elif given.is_dir() or CASE in given.name:
        for name, path in find_volumes(given).items():
            yield name, (path,)
    elif given.exists():
        yield case_id(given), (given,)
    else:
        raise InputError(f"{given} does not exist; give image files or folders of them.")


def _by_number(files: dict[str, Path], channels: int, numbered: bool) -> dict[str, Scan]:
    """Put the files of one scan together by the channel numbers in their names."""
    matches = {name: NUMBERED.fullmatch(name) for name in files}
    if not numbered and (channels == 1 or None in matches.values()):
        return {name: (path,) for name, path in files.items()}
    expected = "_0000" if channels == 1 else f"_0000 to _{channels - 1:04}"
    scans: dict[str, dict[int, Path]] = {}
    for name, match in matches.items():
        if match is None:
            raise InputError(
                f"{files[name]} names no channel; this run was trained on one file per channel, whose names end in "
                f"{expected}; rename it."
            )
        scans.setdefault(match[1], {})[int(match[2])] = files[name]
    for name, numbers in scans.items():
        if sorted(numbers) != list(range(channels)):
            there = " and ".join(str(path) for _, path in sorted(numbers.items()))
            raise InputError(
                f"Case {name!r} has {there}; this run needs {channels} channels, whose names end in {expected}; add "
                "or remove files."
            )
    return {name: tuple(path for _, path in sorted(numbers.items())) for name, numbers in scans.items()}
