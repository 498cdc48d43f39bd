"""The layouts that a data set for classification can have, one reader each.

A new layout is one file here and one line in :data:`IMAGE_READERS`. A reader refuses, with the line or the file, what
is missing, malformed or listed twice.
"""

from collections.abc import Callable

from medse.data.images.cases import ImageDataset
from medse.data.images.readers.class_folders import read_class_folders
from medse.data.images.readers.table import read_image_table

IMAGE_READERS: dict[str, Callable[..., ImageDataset]] = {
    "csv": read_image_table,
    "class_folders": read_class_folders,
}
"""``data.format`` in a config -> reader, called as ``reader(root, classes, **options)``."""

DERIVED = frozenset({"root", "classes"})
"""Parameters of a reader that stand elsewhere in the data section."""
