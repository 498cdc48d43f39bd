"""The names of the classes that ``evaluate`` scores."""

from pathlib import Path

from medse.config.mistakes import validate
from medse.config.packaged import find_config
from medse.config.sections import Scoring
from medse.config.strict_yaml import read_yaml
from medse.labels import Labels, read_dataset_labels


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
