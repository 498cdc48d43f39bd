"""The names of the classes that ``evaluate`` scores."""

from pathlib import Path

from medse.config.mistakes import validate
from medse.config.packaged import find_config
from medse.config.sections import Scoring
from medse.config.strict_yaml import read_yaml
from medse.labels import Labels, read_dataset_labels


def find_labels(labels: Path | None, config: Path | None) -> Labels | None:
    """Read the classes from ``labels``, or else from ``config`` if that has a data section.

    Raises:
        InputError: They cannot be read.
    """
    if labels is None and config is not None and "data" in read_yaml(find_config(config)).tree:
        labels = config
    return None if labels is None else read_scored_labels(labels)


def read_scored_labels(path: Path) -> Labels:
    """Read the classes from a ``dataset.json``, or from a configuration or the data set that it names.

    Raises:
        InputError: They cannot be read.
    """
    if path.suffix == ".json":
        return read_dataset_labels(path)
    data = validate(read_yaml(find_config(path)), Scoring).data
    if data.labels is not None:
        return Labels.from_mapping(data.labels, f"data.labels of {path}")
    return read_dataset_labels(data.root / "dataset.json")
