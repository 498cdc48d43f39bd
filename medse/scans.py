"""Which files are the scans to segment: one per scan, or one per channel of each."""

import re
from collections.abc import Sequence
from pathlib import Path

from medse.errors import InputError
from medse.volumes.names import case_id, list_volumes

NUMBERED = re.compile(r"(.+)_(\d{4})")
"""Case and channel number of a file name in nnU-Net's manner, without suffix."""


def collect_scans(inputs: Sequence[Path], channels: int, numbered: bool) -> dict[str, tuple[Path, ...]]:
    """Map case id to the files of its channels, in order.

    Args:
        inputs: Files, and folders of them.
        channels: Channels of a scan.
        numbered: Whether names end in a channel number (``case_0000``) even where a scan has one channel.
            With several channels, names are taken as numbered if all of them are; otherwise each file must
            hold all channels.

    Raises:
        InputError: An input does not exist or is no volume, two share a case id, or a channel is missing.
    """
    files: dict[str, Path] = {}
    for given in inputs:
        if not given.exists():
            raise InputError(f"{given} does not exist; give image files or folders of them.")
        found = list_volumes(given) if given.is_dir() else {case_id(given): given}
        for name, path in found.items():
            if name in files:
                raise InputError(
                    f"{files[name]} and {path} have the same case id {name!r}; rename one of them."
                )
            files[name] = path
    matches = {name: NUMBERED.fullmatch(name) for name in files}
    if not numbered and (channels == 1 or None in matches.values()):
        return {name: (path,) for name, path in files.items()}
    scans: dict[str, dict[int, Path]] = {}
    for name, match in matches.items():
        if match is None:
            raise InputError(
                f"{files[name]} names no channel; this run expects one file per channel, CASE_0000 to "
                f"CASE_{channels - 1:04}; rename it."
            )
        scans.setdefault(match[1], {})[int(match[2])] = files[name]
    for name, numbers in scans.items():
        if sorted(numbers) != list(range(channels)):
            there = " and ".join(path.name for _, path in sorted(numbers.items()))
            raise InputError(
                f"{next(iter(numbers.values())).parent} has {there} for case {name!r}; expected {channels} "
                f"channels, {name}_0000 to {name}_{channels - 1:04}; add or remove files."
            )
    return {name: tuple(path for _, path in sorted(numbers.items())) for name, numbers in scans.items()}
