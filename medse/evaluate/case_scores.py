"""The files of one case -> all its numbers, class by class."""

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, partial

import numpy as np

from medse.config.sections import Evaluation
from medse.evaluate.case_maps import CaseMaps, read_case
from medse.evaluate.cases import CaseFiles
from medse.evaluate.classes import ScoredClass
from medse.evaluate.unnamed import FoundValues
from medse.labels import Labels
from medse.labels.value_counts import count_values
from medse.metrics.centreline import centreline_dice
from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.lesions import LesionMatch, match_lesions
from medse.metrics.mask_pair import LabelPair, MaskPair
from medse.scores.scores import ConventionRow, DetailRow, LesionRow, ScoreRow


@dataclass(frozen=True)
class Rules:
    """What is the same for every case.

    Attributes:
        labels: The classes of label maps; None where they are named after values or files.
        mask_names: The classes of the files where there is one for each; None for label maps.
        binary: Whether label maps are masks of one class.
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
    binary: bool = False

    def read(self, files: CaseFiles) -> CaseMaps:
        """Read a case by these rules; what :func:`read_case` refuses is refused."""
        return read_case(
            files,
            self.labels,
            copy_affine=self.copy_affine,
            resample=self.resample,
            mask_names=self.mask_names,
            binary=self.binary,
        )


@dataclass(frozen=True)
class CasePair:
    """Two label maps of a case, read.

    Attributes:
        members: Class of the files -> its values.
        absent: Classes of the files for which there is no prediction.
        values: Class of the files -> the value that stands for it; empty where there is no such value.
        voxel_ml: NaN for pictures.
        measured: Whether lengths are known.
    """

    name: str
    pair: LabelPair
    members: Mapping[str, frozenset[int]]
    absent: frozenset[str]
    values: Mapping[str, int]
    voxel_ml: float
    measured: bool

    @cached_property
    def false_positive(self) -> LabelPair:
        """A prediction of value 1 everywhere against an empty reference."""
        empty = np.zeros(self.pair.reference.shape, np.uint8)
        return LabelPair(empty, np.ones_like(empty), self.pair.spacing_mm)


@dataclass(frozen=True)
class ClassOfCase:
    """The lines of one class of one case, which is its own group."""

    row: ScoreRow
    detail: DetailRow
    lesions: tuple[LesionRow, ...]
    beside: tuple[ConventionRow, ...]


@dataclass(frozen=True)
class CaseScores:
    """All numbers of one case, and how it was read, as of :class:`CaseMaps`; ``measured``: lengths are known."""

    case: str
    classes: tuple[ClassOfCase, ...]
    geometry_fixed: bool
    resampled: bool
    missing: bool
    measured: bool
    picture: bool


def score_case(rules: Rules, threads: int, files: CaseFiles) -> CaseScores:
    """Read the two label maps of a case and score every class.

    Raises:
        InputError: A file cannot be read, the two do not fit together, or a value is not declared.
    """
    maps = rules.read(files)
    case = _prepare(files, maps, rules)
    with ThreadPoolExecutor(threads) as pool:
        classes = tuple(pool.map(partial(score_class, case, rules.options), rules.classes))
    return CaseScores(
        case=files.case,
        classes=classes,
        geometry_fixed=maps.geometry_fixed,
        resampled=maps.resampled,
        missing=maps.missing,
        measured=case.measured,
        picture=maps.picture,
    )


def values_found(rules: Rules, files: CaseFiles) -> FoundValues:
    """Return the values of a case whose files do not name them; refused as in :func:`score_case`."""
    maps = rules.read(files)
    both = (frozenset(count_values(array)) - {0} for array in (maps.reference, maps.prediction))
    return FoundValues(*both)


def _prepare(files: CaseFiles, maps: CaseMaps, rules: Rules) -> CasePair:
    """Put the label maps on axes with known lengths; a picture is 2-D."""
    reference, prediction = maps.reference, maps.prediction
    spacing_mm: tuple[float, ...] = maps.grid.spacing_mm
    voxel_ml = float(abs(np.linalg.det(maps.grid.affine[:3, :3]))) / 1000
    if maps.picture:
        reference, prediction = reference[..., 0], prediction[..., 0]
        spacing_mm, voxel_ml = (rules.pixel_mm or 1.0,) * 2, math.nan
    return CasePair(
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


def score_class(case: CasePair, options: Evaluation, scored: ScoredClass) -> ClassOfCase:
    """Score one class by every convention that is asked for, and take it apart where that is asked for.

    Without a prediction a class is a false negative, or, where the reference lacks it too, a false positive: were it
    undefined, a mean could rise because a prediction is missing.
    """
    distances = options.distances and case.measured
    mask = judged = case.pair.mask(
        scored.members(case.members), tolerance_mm=scored.tolerance_mm, distances=distances
    )
    counts = mask.counts
    if case.absent.issuperset(scored.parts) and not counts.reference:
        judged = case.false_positive.mask({1}, tolerance_mm=scored.tolerance_mm, distances=distances)
    row = ScoreRow(
        case=case.name,
        group=case.name,
        label=scored.name,
        value=case.values.get(scored.name),
        precision=judged.counts.precision,
        recall=counts.recall,
        volume_reference_ml=counts.reference * case.voxel_ml,
        volume_prediction_ml=counts.prediction * case.voxel_ml,
        **asdict(CONVENTIONS[options.convention].measure(judged)),
    )
    lesions = None
    if scored.lesions:
        how, iou = options.lesion_connectivity, options.lesion_iou
        lesions = match_lesions(*mask.masks(), connectivity=how, iou=iou)
    return ClassOfCase(
        row=row,
        detail=_detail(case.name, scored, mask, lesions),
        lesions=() if lesions is None else _lesion_rows(case, scored.name, lesions),
        beside=tuple(
            ConventionRow(
                case=case.name,
                label=scored.name,
                convention=name,
                **asdict(CONVENTIONS[name].measure(judged)),
            )
            for name in options.beside
        ),
    )


def _detail(case: str, scored: ScoredClass, mask: MaskPair, lesions: LesionMatch | None) -> DetailRow:
    found: dict[str, float | int | None] = {}
    if mask.distances and mask.both:
        surfaces = mask.elements(planar=True)
        for side in ("reference", "prediction"):
            distances, weights = getattr(surfaces, f"{side}_mm"), getattr(surfaces, f"{side}_weights")
            found[f"mean_from_{side}_mm"] = float(np.average(distances, weights=weights))
    if scored.centreline:
        found["centreline_dice"] = centreline_dice(*mask.masks())
    if lesions is not None:
        found |= {
            "lesions_reference": len(lesions.reference),
            "lesions_prediction": len(lesions.prediction),
            "lesions_matched": lesions.matched,
            "lesion_f1": lesions.f1,
            "lesion_dice": lesions.mean_dice,
        }
    return DetailRow(case=case, label=scored.name, **found)


def _lesion_rows(case: CasePair, label: str, match: LesionMatch) -> tuple[LesionRow, ...]:
    sides = (
        ("reference", "false negative", match.reference),
        ("prediction", "false positive", match.prediction),
    )
    return tuple(
        LesionRow(
            case=case.name,
            label=label,
            side=side,
            lesion=lesion.number,
            outcome=alone if lesion.partner is None else "matched",
            partner=lesion.partner,
            dice=lesion.dice,
            volume_ml=lesion.voxels * case.voxel_ml,
        )
        for side, alone, lesions in sides
        for lesion in lesions
    )
