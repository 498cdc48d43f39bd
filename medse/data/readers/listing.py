"""What layouts share: files that exist, ids that can name files, nothing twice, and what a dataset.json says."""

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field

from medse.data.cases import Case
from medse.errors import InputError, count
from medse.files import given_path
from medse.labels import Labels
from medse.volumes.names import check_id, located, suffix_of

log = logging.getLogger(__name__)
Channels = Annotated[tuple[str, ...], Field(min_length=1)]
"""Names of channels, in the order of the files, or of the values that a file has for each voxel."""


def named_channels(names: Sequence[str] | None, files: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the channels of cases that have ``files``: theirs, or those given.

    Several names for a single file mean that it holds them all, as a picture its colours.

    Raises:
        InputError: There are several files, and not as many names.
    """
    if names is not None and len(files) not in (1, len(names)):
        raise InputError(
            f"data.format.channels names {len(names)} channels and data.format.images {len(files)} files; expected a "
            "file for each channel, or one that holds all; correct one of them."
        )
    return tuple(files if names is None else names)


def existing(root: Path, file: str, source: str) -> Path:
    """Return the path of ``file``, which is relative to ``root``, absolute, or in the home folder (``~/``).

    Raises:
        InputError: It is not; the sentence names ``source``, which lists it.
    """
    path = root / given_path(file)
    suffix = suffix_of(path)
    numbered = path.with_name(f"{path.name.removesuffix(suffix)}_0000{suffix}")
    try:
        if path.is_file():
            return path
        problem = "is a folder" if path.is_dir() else "does not exist"
        if numbered.is_file():
            problem += f", but {numbered.name} does, as in nnU-Net's layout, which data.format=nnunet reads"
    except OSError as error:
        problem = f"cannot be reached ({error.strerror})"
    raise InputError(f"{source} lists {path}, which {problem}; correct the path or remove the case.")


def gather(cases: Iterable[Case], source: str, root: Path) -> tuple[Case, ...]:
    """Return the cases that ``source`` lists, sorted by id; it is logged if files of theirs lie outside ``root``.

    Raises:
        InputError: An id is no plain file name or appears twice, a case uses a file twice, or two groups share
            a file.
    """
    found: dict[str, Case] = {}
    first: dict[Path, Case] = {}
    for case in cases:
        check_id(case.id, source)
        other = found.setdefault(case.id, case)
        if other is not case:
            raise InputError(
                f"{source} gives {other.images[0]} and {case.images[0]} the id {case.id!r}; every case needs its "
                "own; correct one of them."
            )
        files = [located(file) for file in (*case.images, case.label)]
        for file in files:
            owner = first.setdefault(file, case)
            if files.count(file) > 1:
                raise InputError(
                    f"{source} gives case {case.id!r} the file {file} twice; each channel and the label has its "
                    "own file; correct the case."
                )
            if owner.group != case.group:
                raise InputError(
                    f"{source} gives {file} to case {owner.id!r} of group {owner.group!r} and to case {case.id!r} of "
                    f"group {case.group!r}; only cases of one group may share a file; correct one of them."
                )
    remark_outside([file for case in found.values() for file in (*case.images, case.label)], source, root)
    return tuple(found[name] for name in sorted(found))


def remark_outside(files: Iterable[Path], source: str, root: Path) -> None:
    """Log that a data set names files elsewhere, as tables of one's own often do and a stranger's should not."""
    folder = os.path.normpath(
        root.absolute()
    )  # as it is written: data sets of links into a store are none of these
    absolute = {file: Path(os.path.normpath(file.absolute())) for file in files}
    outside = [str(file) for file, path in absolute.items() if not path.is_relative_to(folder)]
    if outside:
        log.warning(
            f"{source} names {count(outside, 'file', 'files')} outside {root}, first {outside[0]}; if somebody "
            "else made the data set, make sure that they are meant."
        )


def given_labels(labels: Labels | None, source: str) -> Labels:
    """Return ``labels``, for a layout that names no classes itself."""
    if labels is None:
        raise InputError(
            f"{source} names no classes; data.labels must name the classes, each with its value in the label files; "
            "add for example 'labels: {tumour: 1}' to the data section."
        )
    return labels


def channel_names(content: Mapping[str, object], path: Path) -> tuple[str, ...]:
    """Return the channels of ``channel_names`` (or its older name, ``modality``) in the order of their numbers."""
    named = content.get("channel_names", content.get("modality"))
    if not isinstance(named, dict) or not named:
        raise InputError(
            f'{path} names no channels; expected "channel_names": {{"0": "MRI"}}; add the channels of the images.'
        )
    numbers = [str(number) for number in range(len(named))]
    if sorted(named) != sorted(numbers):
        raise InputError(
            f"{path} numbers its channels {', '.join(named)}; expected {', '.join(numbers)}; correct the numbers."
        )
    return tuple(str(named[number]) for number in numbers)
