"""Which value in a label file means which class."""

from medse.labels.classes import IGNORE, Labels, read_dataset_json, read_dataset_labels

__all__ = ["IGNORE", "Labels", "read_dataset_json", "read_dataset_labels"]
