"""The files of one case -> all its numbers."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from medse.config.sections import Evaluation
from medse.evaluate.case_maps import CaseFiles, CaseMaps, read_case
from medse.evaluate.class_scores import Case, score_class
from medse.evaluate.classes import ScoredClass
from medse.labels import Labels
from medse.metrics.mask_pair import LabelPair
from medse.scores.rows import ConventionRow, DetailRow, LesionRow, ScoreRow


@dataclass(frozen=True)
class Rules:
    """What is the same for every case.

    Attributes:
        labels: The classes of label maps; None where they are named after values or files.
        mask_names: The classes of the files where there is one for each; None for label maps.
        classes: What is scored.
        options: How.
        copy_affine: Let a prediction take the affine of its reference.
        resample: Bring a prediction on another grid onto that of its reference.
        pixel_mm: Length of a pixel of pictures; None where they have none.
    """

    labels: Labels | None
    mask_names: tuple[str, ...] | None
    classes: tuple[ScoredClass, ...]
    options: Evaluation
    copy_affine: bool
    resample: bool
    pixel_mm: float | None

    def read(self, files: CaseFiles) -> CaseMaps:
        """Read a case by these rules.

        Raises:
            InputError: A file cannot be read, the two do not fit together, or a value is not declared.
        """
        return read_case(
            files,
            self.labels,
            copy_affine=self.copy_affine,
            resample=self.resample,
            mask_names=self.mask_names,
        )


@dataclass(frozen=True)
class CaseScores:
    """All numbers of one case, one row per class, and how it was read.

    Attributes:
        rows: Lines of ``scores.csv`` with the case as its group.
        details: As many lines of ``details.csv``.
        lesions: Lines of ``lesions.csv``, one per lesion.
        beside: Lines of ``conventions.csv``, one per class and further convention.
        geometry_fixed: Whether the prediction took the affine of the reference.
        resampled: Whether the prediction was brought onto the grid of the reference.
        missing: Whether there was no prediction.
        measured: Whether lengths are known: it is no picture, or its pixels have a length.
        picture: Whether it is one.
    """

    case: str
    rows: tuple[ScoreRow, ...]
    details: tuple[DetailRow, ...]
    lesions: tuple[LesionRow, ...]
    beside: tuple[ConventionRow, ...]
    geometry_fixed: bool
    resampled: bool
    missing: bool
    measured: bool
    picture: bool


def score_case(rules: Rules, threads: int, files: CaseFiles) -> CaseScores:
    """Read the two label maps of a case and score every class.

    Args:
        rules: What is computed.
        threads: How many classes are measured at the same time.
        files: Where the label maps are.

    Raises:
        InputError: A file cannot be read, the two do not fit together, or a value is not declared.
    """
    maps = rules.read(files)
    case = _prepare(files, maps, rules)
    with ThreadPoolExecutor(threads) as pool:
        scored = list(pool.map(partial(score_class, case, rules.options), rules.classes))
    return CaseScores(
        case=files.case,
        rows=tuple(one.row for one in scored),
        details=tuple(one.detail for one in scored),
        lesions=tuple(row for one in scored for row in one.lesions),
        beside=tuple(row for one in scored for row in one.beside),
        geometry_fixed=maps.geometry_fixed,
        resampled=maps.resampled,
        missing=maps.missing,
        measured=case.measured,
        picture=maps.picture,
    )


def values_found(rules: Rules, files: CaseFiles) -> tuple[str, ...]:
    """Return the classes that a case holds, where its files do not name them.

    Raises:
        InputError: As :func:`score_case`.
    """
    return tuple(rules.read(files).members)


def _prepare(files: CaseFiles, maps: CaseMaps, rules: Rules) -> Case:
    """Put the label maps on axes with known lengths; a picture is 2-D."""
    reference, prediction = maps.reference, maps.prediction
    spacing_mm: tuple[float, ...] = maps.grid.spacing_mm
    voxel_ml = float(abs(np.linalg.det(maps.grid.affine[:3, :3]))) / 1000
    if maps.picture:
        reference, prediction = reference[..., 0], prediction[..., 0]
        spacing_mm, voxel_ml = (rules.pixel_mm or 1.0,) * 2, math.nan
    return Case(
        name=files.case,
        pair=LabelPair(reference, prediction, spacing_mm),
        members=maps.members,
        absent=maps.absent if files.prediction else frozenset(p for one in rules.classes for p in one.parts),
        values=_values(rules),
        voxel_ml=voxel_ml,
        measured=not maps.picture or rules.pixel_mm is not None,
    )


def _values(rules: Rules) -> dict[str, int]:
    """Return the value in the file that stands for each class; none where there is a file for each."""
    if rules.mask_names is not None:
        return {}
    if rules.labels is None:
        return {name: int(name) for scored in rules.classes for name in scored.parts}
    return dict(zip(rules.labels.names, rules.labels.values, strict=True))
