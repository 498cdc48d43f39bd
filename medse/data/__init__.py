"""Data sets: cases, the readers of their layouts, folds, patches and augmentation.

A new layout is one file here and one line in :data:`READERS`.
"""

from collections.abc import Callable
from pathlib import Path

from medse.data.cases import Dataset
from medse.data.msd import read_msd

READERS: dict[str, Callable[[Path], Dataset]] = {"msd": read_msd}
"""``data.format`` in a config -> reader of the folder ``data.root``."""
