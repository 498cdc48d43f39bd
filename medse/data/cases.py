"""What a data set is: cases, channels and classes."""

from dataclasses import dataclass
from pathlib import Path

from medse.labels import Labels

TRAINING_ONLY = -1
"""``fold`` of a case on which no fold validates, where folds are given."""


@dataclass(frozen=True)
class Case:
    """One scan with its reference.

    Attributes:
        id: Unique name, used for files.
        images: One file per channel on one grid; or a single file with the channels in its last axis.
        label: Label map on the same grid.
        group: What must not be split between training and validation, usually the patient.
        stratum: What folds should hold equal shares of, usually the diagnosis; empty where nothing is known.
        fold: Fold that validates on the case, or :data:`TRAINING_ONLY`; None for all cases where folds are dealt.
    """

    id: str
    images: tuple[Path, ...]
    label: Path
    group: str
    stratum: str = ""
    fold: int | None = None


@dataclass(frozen=True)
class Dataset:
    """All labelled cases of a task.

    Attributes:
        name: Name for reports.
        channels: Channel names in file order.
        labels: The foreground classes.
        cases: Sorted by id.
    """

    name: str
    channels: tuple[str, ...]
    labels: Labels
    cases: tuple[Case, ...]
