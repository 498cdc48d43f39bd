"""What label files hold, found out before anything is trained on them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import yaml

from medse.arrays import FloatArray, LabelArray
from medse.labels import Labels
from medse.labels.laterality import Misplaced, misplaced, pairs
from medse.labels.value_counts import count_values
from medse.volumes.grid import Grid

CHUNK = 1 << 20
"""Voxels counted at a time: bounds the memory beyond the label map to some tens of MB."""
SHOWN = 3
"""How many pairs a sentence names before it only counts."""
MOST_PROPOSED = 300
"""Most undeclared values that a mapping is proposed for; more are no labels but an image."""


@dataclass(frozen=True)
class LabelSurvey:
    """What one label file holds.

    Attributes:
        voxels: Voxel count per class index: background, every class, ignored.
        undeclared: Voxel count of every value that is not declared.
        pairs: How many left-right pairs of classes have both sides; 0 where the file says no orientation.
        misplaced: Those of them that lie the wrong way round, worst first.
    """

    source: str
    voxels: tuple[int, ...]
    undeclared: dict[int, int]
    pairs: int
    misplaced: tuple[Misplaced, ...]

    @property
    def misplacement(self) -> str:
        """The misplaced pairs and the remedy in a sentence."""
        named = "; ".join(
            f"{pair.left} at x = {pair.left_mm:.1f} mm and {pair.right} at {pair.right_mm:.1f} mm"
            for pair in self.misplaced[:SHOWN]
        )
        return (
            f"{self.source} has left and right the wrong way round in {len(self.misplaced)} of {self.pairs} "
            f"pairs ({named}; in RAS the left has the smaller x); its orientation is wrong or its left and right "
            "labels are swapped; correct the file."
        )


@dataclass(frozen=True)
class ClassCount:
    """One class over all label files; ``share`` is its part of all voxels, ``cases`` the files that hold it."""

    name: str
    value: int
    cases: int
    voxels: int
    share: float


@dataclass(frozen=True)
class Undeclared:
    """A value that is not declared, over all label files; ``first`` is the first file that holds it."""

    value: int
    cases: int
    voxels: int
    first: str


@dataclass(frozen=True)
class LabelFindings:
    """What all label files of a data set hold.

    Attributes:
        classes: Background, every class, and the ignored values where there are any.
        undeclared: Values that are not declared, ascending.
        misplaced: The files in which a left-right pair lies the wrong way round, worst first.
        proposal: Lines for ``data.labels`` in which no value is undeclared; empty where all are declared, or
            where what is not cannot be labels.
    """

    classes: tuple[ClassCount, ...]
    undeclared: tuple[Undeclared, ...]
    misplaced: tuple[LabelSurvey, ...]
    proposal: str


def survey_label(source: str, array: LabelArray, grid: Grid, labels: Labels) -> LabelSurvey:
    """Count the values of a label map ``(X, Y, Z)`` and check on which side its lateral classes lie."""
    values, voxels, x_mm = _measure(array, grid.affine)
    declared = labels.indices
    index = np.array([declared.get(value, labels.classes + 1) for value in values.tolist()])
    counts = np.bincount(index, voxels, minlength=labels.classes + 2)
    sums = np.bincount(index, voxels * x_mm, minlength=labels.classes + 2)
    means = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)[1 : labels.classes]
    both = [pair for pair in pairs(labels.names) if np.isfinite(means[list(pair)]).all()]
    return LabelSurvey(
        source=source,
        voxels=tuple(counts[:-1].astype(np.int64).tolist()),
        undeclared={v: n for v, n in zip(values.tolist(), voxels.tolist(), strict=True) if v not in declared},
        pairs=len(both) if grid.oriented else 0,
        misplaced=misplaced(labels.names, means) if grid.oriented else (),
    )


def merge_surveys(surveys: Sequence[LabelSurvey], labels: Labels) -> LabelFindings:
    """Put together what the files of a data set hold."""
    table = np.array([survey.voxels for survey in surveys])
    every = int(table.sum()) + sum(sum(survey.undeclared.values()) for survey in surveys)
    names = [("background", 0), *zip(labels.names, labels.values, strict=True)]
    names += [("ignore", labels.ignored[0])] if labels.ignored else []
    undeclared = []
    for value in sorted({value for survey in surveys for value in survey.undeclared}):
        holders = [survey for survey in surveys if value in survey.undeclared]
        voxels = sum(survey.undeclared[value] for survey in holders)
        undeclared.append(Undeclared(value, len(holders), voxels, holders[0].source))
    wrong = [survey for survey in surveys if survey.misplaced]
    return LabelFindings(
        classes=tuple(
            ClassCount(name, value, int((held > 0).sum()), int(held.sum()), int(held.sum()) / every)
            for (name, value), held in zip(names, table.T, strict=False)
        ),
        undeclared=tuple(undeclared),
        misplaced=tuple(sorted(wrong, key=lambda survey: -len(survey.misplaced))),
        proposal=_propose(undeclared, labels),
    )


def _propose(undeclared: Sequence[Undeclared], labels: Labels) -> str:
    """Write the mapping with each undeclared value as a class of its own, as YAML."""
    if not undeclared or undeclared[0].value < 0 or len(undeclared) > MOST_PROPOSED:
        return ""
    lines = [_line(name, values) for name, values in labels.to_mapping().items()]
    for found in undeclared:
        value, count = found.value, f"{found.voxels} voxels in {found.cases} files"
        ways = f"name it, or put it into background: [0, {value}] or ignore: [{value}]"
        lines.append(f"{_line(f'unnamed_{value}', value)}  # {count}; {ways}")
    return "\n".join(lines)


def _line(name: str, values: int | list[int]) -> str:
    text = yaml.safe_dump({name: values}, default_flow_style=True, allow_unicode=True, width=10**9)
    return text.strip().removeprefix("{").removesuffix("}")


def _measure(array: LabelArray, affine: FloatArray) -> tuple[LabelArray, npt.NDArray[np.int64], FloatArray]:
    """Return the distinct values of ``(X, Y, Z)``, and of each its voxels and their mean x in mm."""
    counts = count_values(array)
    values, voxels = np.array(list(counts)), np.array(list(counts.values()))
    sums = np.zeros(len(values))
    across, up, along, origin = affine[0]
    in_plane = up * np.arange(array.shape[1])[:, None] + across * np.arange(array.shape[0]) + origin
    for start, slab in _slabs(array):
        x_mm = along * np.arange(start, start + len(slab))[:, None, None] + in_plane
        code = np.searchsorted(values, slab.ravel())
        sums += np.bincount(code, x_mm.ravel(), minlength=len(values))
    return values, voxels, sums / voxels


def _slabs(array: LabelArray) -> Iterator[tuple[int, LabelArray]]:
    """Cut into ``(slices, Y, X)``; files are read in Fortran order, so these are views."""
    turned = array.T
    step = max(1, CHUNK // max(1, turned[0].size))
    return ((start, turned[start : start + step]) for start in range(0, len(turned), step))
