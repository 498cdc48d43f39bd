"""One class of one case -> its lines in the tables."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np

from medse.config.sections import Evaluation
from medse.evaluate.classes import ScoredClass
from medse.metrics.centreline import centreline_dice
from medse.metrics.conventions.table import CONVENTIONS
from medse.metrics.lesions import LesionMatch, match_lesions
from medse.metrics.mask_pair import LabelPair, MaskPair
from medse.scores.rows import ConventionRow, DetailRow, LesionRow, ScoreRow


@dataclass(frozen=True)
class Case:
    """Two label maps of a case, read.

    Attributes:
        name: Case id.
        pair: The label maps.
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
    def hallucination(self) -> LabelPair:
        """A prediction of value 1 everywhere against an empty reference."""
        empty = np.zeros(self.pair.reference.shape, np.uint8)
        return LabelPair(empty, np.ones_like(empty), self.pair.spacing_mm)


@dataclass(frozen=True)
class ClassOfCase:
    """The lines of one class of one case."""

    row: ScoreRow
    detail: DetailRow
    lesions: tuple[LesionRow, ...]
    beside: tuple[ConventionRow, ...]


def score_class(case: Case, options: Evaluation, scored: ScoredClass) -> ClassOfCase:
    """Score one class by every convention that is asked for, and take it apart where that is asked for.

    Without a prediction a class is missed, or, where the reference lacks it too, hallucinated: were it undefined, a
    mean could rise because a prediction is missing.

    Args:
        case: The label maps.
        options: Conventions and options of lesions.
        scored: The class.
    """
    distances = options.distances and case.measured
    mask = judged = case.pair.mask(
        scored.members(case.members), tolerance_mm=scored.tolerance_mm, distances=distances
    )
    counts = mask.counts
    if case.absent.issuperset(scored.parts) and not counts.reference:
        judged = case.hallucination.mask({1}, tolerance_mm=scored.tolerance_mm, distances=distances)
    main = asdict(CONVENTIONS[options.convention].measure(judged))
    row = ScoreRow(
        case=case.name,
        group=case.name,
        label=scored.name,
        value=case.values.get(scored.name),
        precision=judged.counts.precision,
        recall=counts.recall,
        volume_reference_ml=counts.reference * case.voxel_ml,
        volume_prediction_ml=counts.prediction * case.voxel_ml,
        **main,
    )
    lesions = _match(mask, options) if scored.lesions else None
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


def _match(mask: MaskPair, options: Evaluation) -> LesionMatch:
    return match_lesions(*mask.masks(), connectivity=options.lesion_connectivity, iou=options.lesion_iou)


def _detail(case: str, scored: ScoredClass, mask: MaskPair, lesions: LesionMatch | None) -> DetailRow:
    found: dict[str, float | int | None] = {}
    if mask.distances and mask.counts.reference and mask.counts.prediction:
        surfaces = mask.elements(planar=True)
        found["mean_from_reference_mm"] = float(
            np.average(surfaces.reference_mm, weights=surfaces.reference_weights)
        )
        found["mean_from_prediction_mm"] = float(
            np.average(surfaces.prediction_mm, weights=surfaces.prediction_weights)
        )
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


def _lesion_rows(case: Case, label: str, match: LesionMatch) -> tuple[LesionRow, ...]:
    sides = (("reference", "missed", match.reference), ("prediction", "hallucinated", match.prediction))
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
