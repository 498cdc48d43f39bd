"""What a ``dataset.json`` says beside its cases, in MSD's form or nnU-Net's."""

from collections.abc import Mapping
from pathlib import Path

from medse.errors import InputError
from medse.labels import Labels, read_dataset_labels


def channel_names(content: Mapping[str, object], path: Path) -> tuple[str, ...]:
    """Return the channels of ``channel_names`` (or its older name, ``modality``) in the order of their numbers.

    Raises:
        InputError: There are none, or their numbers are not 0, 1, 2, ...
    """
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


def classes(labels: Labels | None, path: Path) -> Labels:
    """Return ``labels`` if the configuration gave any, else those of the ``dataset.json`` at ``path``.

    Raises:
        InputError: There are none in either.
    """
    return read_dataset_labels(path) if labels is None else labels
