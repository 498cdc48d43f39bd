"""What a data set is: cases, channels and classes; and what the headers of its files say."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medse.errors import InputError, Refusals
from medse.labels import Labels
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.reading import read_grids, read_label_grid

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
        channels: Channel names in file order.
        labels: The foreground classes.
        cases: Sorted by id.
    """

    name: str
    channels: tuple[str, ...]
    labels: Labels
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Headers:
    """What the headers of a data set say.

    Attributes:
        grids: Case id to the grid of its image.
        oriented: Whether the images say where the patient's left is: all do, or none does.
        copied: Ids of the cases whose channels or label took the affine of the (first) image.
    """

    grids: dict[str, Grid]
    oriented: bool
    copied: tuple[str, ...]


def read_headers(dataset: Dataset, copy_affine: bool) -> Headers:
    """Read the headers of every image and label.

    Args:
        copy_affine: Let channels and labels whose affines differ lie where the (first) image does.

    Raises:
        InputError: A header cannot be used, image and label of a case do not lie on one grid, or only some cases
            say where the patient's left is; one sentence for each case.
    """
    refused, grids, copied = Refusals(), {}, []
    for case in dataset.cases:
        with refused:
            grid, among = read_grids(case.images, len(dataset.channels), copy_affine=copy_affine)
            if check_same_grid(grid, read_label_grid(case.label), copy_affine=copy_affine) or among:
                copied.append(case.id)
            grids[case.id] = grid
    refused.raise_any()
    return Headers(grids, _oriented(dataset.cases, grids), tuple(copied))


def _oriented(cases: Sequence[Case], grids: dict[str, Grid]) -> bool:
    by_kind = {grids[case.id].oriented: grids[case.id].source for case in cases}
    if len(by_kind) > 1:
        raise InputError(
            f"{by_kind[True]} says where the patient's left is and {by_kind[False]} does not; all cases must, or "
            "none; set the orientation in the header from the scanner's record, or leave the case out."
        )
    return next(iter(by_kind))
