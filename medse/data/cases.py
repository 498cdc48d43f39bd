"""What a data set is: cases, channels and classes."""

from dataclasses import dataclass
from pathlib import Path

from medse.labels import Labels


@dataclass(frozen=True)
class Case:
    """One scan with its reference.

    Attributes:
        id: Unique name, used for files.
        image: NIfTI file; several channels lie in its last axis.
        label: NIfTI label map on the same grid.
        group: What must not be split between training and validation, usually the patient.
    """

    id: str
    image: Path
    label: Path
    group: str


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
