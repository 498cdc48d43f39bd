"""Reader of the layout of nnU-Net's raw data."""

import re
from collections.abc import Iterator
from pathlib import Path

from medse.data.cases import Case, Dataset
from medse.data.readers.listing import channel_names, existing, gather
from medse.errors import InputError, count, some
from medse.labels import Labels, read_dataset_json, read_dataset_labels
from medse.volumes.names import SUFFIXES, list_folder
from medse.volumes.patterns import CASE, NamePattern, match_cases


def read_nnunet(root: Path, labels: Labels | None) -> Dataset:
    """Raw data of nnU-Net: imagesTr/CASE_0000.nii.gz, a file per channel, labelsTr/CASE.nii.gz, dataset.json.

    Where there are only files _0000, each holds all channels: RGB pictures. ``channel_names`` (or ``modality``) names
    the channels, ``labels`` the classes unless ``labels`` is given, ``file_ending`` the files; ``dataset``, where it
    is there, lists the cases instead of the folders. Each case is its own group: the layout has no patient ids.
    """
    path = root / "dataset.json"
    content = read_dataset_json(path)
    channels = channel_names(content, path)
    if "dataset" in content:
        cases = gather(_listed(root, content["dataset"], channels, path), str(path), root)
    else:
        cases = gather(_found(root, _ending(content, path), channels), str(root), root)
    announced = content.get("numTraining", len(cases))
    if announced != len(cases):
        raise InputError(
            f'{path} announces {announced} cases under "numTraining" and there are {len(cases)}; add the cases that '
            "are missing or correct the number."
        )
    return Dataset(str(content.get("name", root.name)), channels, labels or read_dataset_labels(path), cases)


def _ending(content: dict[str, object], path: Path) -> str:
    """Return the end of all file names, which the first version of the layout did not write: ``.nii.gz``."""
    ending = content.get("file_ending", ".nii.gz")
    if not isinstance(ending, str) or ending.lower() not in SUFFIXES:
        raise InputError(
            f'{path} has "file_ending": {ending!r}; expected one of {", ".join(SUFFIXES)}; convert the files.'
        )
    return ending


def _found(root: Path, ending: str, channels: tuple[str, ...]) -> Iterator[Case]:
    """Yield the cases in ``imagesTr`` and ``labelsTr``."""
    folder, files = root / "imagesTr", list(list_folder(root / "imagesTr"))
    images = [NamePattern(folder, f"{CASE}_{number:04}{ending}") for number in range(len(channels))]
    for file in files:
        if not file.name.endswith(ending) or any(pattern.case(file.name) for pattern in images):
            continue
        number = re.fullmatch(r".+_(\d{4})", file.name.removesuffix(ending))
        problem = f"is channel {int(number[1])}" if number else "has no channel number before its ending"
        raise InputError(
            f"{file} {problem}; dataset.json names {count(channels, 'channel', 'channels')}, so the files of a case "
            f"are {some([f'CASE_{k:04}{ending}' for k in range(len(channels))])}; rename or remove the file, or "
            "correct dataset.json."
        )
    if not any(pattern.case(file.name) for pattern in images[1:] for file in files):
        images = images[:1]
    found = match_cases([*images, NamePattern(root / "labelsTr", f"{CASE}{ending}")])
    for name, (*scans, label) in found.items():
        yield Case(name, tuple(scans), label, group=name)


def _listed(root: Path, entries: object, channels: tuple[str, ...], path: Path) -> Iterator[Case]:
    """Yield the cases under ``dataset``: ``{"CASE": {"images": ["path", ...], "label": "path"}}``."""
    if not isinstance(entries, dict) or not entries:
        raise InputError(
            f'{path} lists no cases under "dataset"; expected a case id for each; add them or drop the key.'
        )
    for name, entry in entries.items():
        images, label = (entry.get("images"), entry.get("label")) if isinstance(entry, dict) else (None, None)
        files = [*images, label] if isinstance(images, list) else []
        if len(files) - 1 not in (1, len(channels)) or not all(isinstance(file, str) for file in files):
            raise InputError(
                f'{path} has {entry!r} as case {name!r} under "dataset"; expected "images", a list of '
                f'{len(channels)} paths (one per channel, or one in all), and "label", a path; correct it.'
            )
        *image_files, label_file = (existing(root, file, str(path)) for file in files)
        yield Case(name, tuple(image_files), label_file, group=name)
