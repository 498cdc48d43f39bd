"""Reader of the Medical Segmentation Decathlon layout."""

from pathlib import Path

from medse.data.cases import Case, Dataset
from medse.errors import InputError
from medse.labels import read_dataset_json, read_dataset_labels
from medse.volumes.names import case_id


def read_msd(root: Path) -> Dataset:
    """Read ``root/dataset.json`` and the training cases it lists.

    ``modality`` (or ``channel_names``) names the channels, ``labels`` the classes, ``training`` the pairs.
    Each case is its own group: the layout has no patient ids.

    Raises:
        InputError: A key is missing or malformed, a file does not exist, or a case id appears twice.
    """
    path = root / "dataset.json"
    content = read_dataset_json(path)
    labels = read_dataset_labels(path)
    channels = content.get("channel_names", content.get("modality"))
    if not isinstance(channels, dict) or not channels:
        raise InputError(f'{path} names no channels; expected "modality": {{"0": "MRI"}}.')
    entries = content.get("training")
    if not isinstance(entries, list) or not entries:
        raise InputError(f'{path} lists no cases under "training"; expected pairs of "image" and "label".')
    cases: dict[str, Case] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not {"image", "label"} <= entry.keys():
            raise InputError(f'{path}: training entry {entry!r} is not a pair of "image" and "label".')
        image, label = root / str(entry["image"]), root / str(entry["label"])
        for file in (image, label):
            if not file.is_file():
                raise InputError(
                    f"{path} lists {file}, which does not exist; add the file or remove the case."
                )
        name = case_id(image)
        if name in cases:
            raise InputError(f"{path} lists case {name!r} twice; keep one of them.")
        cases[name] = Case(id=name, images=(image,), label=label, group=name)
    return Dataset(
        name=str(content.get("name", root.name)),
        channels=tuple(str(name) for name in channels.values()),
        labels=labels,
        cases=tuple(cases[name] for name in sorted(cases)),
    )
