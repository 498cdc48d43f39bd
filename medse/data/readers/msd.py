"""Reader of the Medical Segmentation Decathlon layout."""

from collections.abc import Iterator
from pathlib import Path

from medse.data.cases import Case, Dataset
from medse.data.readers.listing import channel_names, existing, gather
from medse.errors import InputError
from medse.labels import Labels, read_dataset_json, read_dataset_labels
from medse.volumes.names import case_ids


def read_msd(root: Path, labels: Labels | None = None) -> Dataset:
    """A dataset.json that lists pairs of image and label under "training", as in the Decathlon (MSD).

    ``modality`` (or ``channel_names``) names the channels, ``labels`` the classes unless ``labels`` is given.
    Where file names repeat, as case_0/ct.nii.gz and case_1/ct.nii.gz, cases are named after their folders.
    Each case is its own group: the layout has no patient ids.
    """
    path = root / "dataset.json"
    content = read_dataset_json(path)
    return Dataset(
        name=str(content.get("name", root.name)),
        channels=channel_names(content, path),
        labels=labels or read_dataset_labels(path),
        cases=gather(_cases(root, content.get("training"), path), str(path), root),
    )


def _cases(root: Path, entries: object, path: Path) -> Iterator[Case]:
    if not isinstance(entries, list) or not entries:
        raise InputError(
            f'{path} lists no cases under "training"; expected pairs of "image" and "label"; add them.'
        )
    pairs: list[tuple[Path, Path]] = []
    for entry in entries:
        pair = [entry.get(key) for key in ("image", "label")] if isinstance(entry, dict) else []
        files = [existing(root, file, str(path)) for file in pair if isinstance(file, str)]
        if len(files) != 2:
            raise InputError(
                f'{path} has the training entry {entry!r}, which is not a pair of paths "image" and "label"; '
                "correct it."
            )
        pairs.append((files[0], files[1]))
    names = case_ids([image for image, _ in pairs], [str(path)] * len(pairs))
    for name, (image, label) in zip(names, pairs, strict=True):
        yield Case(id=name, images=(image,), label=label, group=name)
