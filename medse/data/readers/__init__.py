"""The layouts a data set can have, one reader each.

A new layout is one file here and one line in :data:`READERS`. A reader refuses, with the line or the file, what is
missing, malformed or listed twice.
"""

from collections.abc import Callable

from medse.data.cases import Dataset
from medse.data.readers.case_table import read_csv
from medse.data.readers.folders import read_folders
from medse.data.readers.msd import read_msd
from medse.data.readers.nnunet import read_nnunet

READERS: dict[str, Callable[..., Dataset]] = {
    "msd": read_msd,
    "nnunet": read_nnunet,
    "csv": read_csv,
    "folders": read_folders,
}
"""``data.format`` in a config -> reader, called as ``reader(root, labels, **options)``."""

DERIVED = frozenset({"root", "labels"})
"""Parameters of a reader that stand elsewhere in the data section."""
