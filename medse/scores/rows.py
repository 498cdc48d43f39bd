"""The tables that ``medse evaluate`` writes: what a line of each holds."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Unchangeable, and strict about its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreRow(Record):
    """One class in one case: a line of ``scores.csv``, whose columns are these fields in this order.

    NaN means undefined; None not computed, or no score of the convention. ``label`` is the class name, ``value`` its
    value in the files, None where it has several or a file of its own; ``group`` is the patient, or the case where
    no patient is known. Recall is undefined where the reference is empty and precision where the prediction is, by
    every convention; the volumes of pictures are undefined.
    """

    case: str
    group: str
    label: str
    value: int | None = None
    dice: float
    iou: float | None = None
    precision: float
    recall: float
    hd_mm: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    nsd: float | None = None
    volume_reference_ml: float
    volume_prediction_ml: float

    @property
    def reference_empty(self) -> bool:
        """Whether the reference has no voxel of the class."""
        return math.isnan(self.recall)

    @property
    def prediction_empty(self) -> bool:
        """Whether the prediction has no voxel of the class."""
        return math.isnan(self.precision)


class DetailRow(Record):
    """Further numbers of one class in one case: a line of ``details.csv``; None is not computed, NaN undefined.

    Attributes:
        mean_from_reference_mm: Mean distance from the surface of the reference to that of the prediction.
        mean_from_prediction_mm: Mean distance from the surface of the prediction to that of the reference.
        centreline_dice: Overlap of centrelines, for classes that are tubes.
        lesions_reference: Lesions of the reference.
        lesions_prediction: Lesions of the prediction.
        lesions_matched: Pairs of them that belong together by the rule in the settings.
        lesion_f1: ``2 matched / (reference + prediction)``; NaN where neither has a lesion.
        lesion_dice: Mean Dice over matched pairs; NaN without one.
    """

    case: str
    label: str
    mean_from_reference_mm: float | None = None
    mean_from_prediction_mm: float | None = None
    centreline_dice: float | None = None
    lesions_reference: int | None = None
    lesions_prediction: int | None = None
    lesions_matched: int | None = None
    lesion_f1: float | None = None
    lesion_dice: float | None = None


class LesionRow(Record):
    """One lesion: a line of ``lesions.csv``.

    Attributes:
        side: The label map it lies in.
        lesion: Its number there, from 1, largest first.
        outcome: Matched; missed (of the reference, without a partner); or hallucinated (of the prediction).
        partner: Number of its partner in the other map; None without one.
        dice: Of the pair; 0 without a partner.
        volume_ml: NaN for pictures.
    """

    case: str
    label: str
    side: Literal["reference", "prediction"]
    lesion: int
    outcome: Literal["matched", "missed", "hallucinated"]
    partner: int | None = None
    dice: float
    volume_ml: float


class ConventionRow(Record):
    """One class in one case by another convention: a line of ``conventions.csv``; None where it has no such score."""

    case: str
    label: str
    convention: str
    dice: float | None = None
    iou: float | None = None
    hd_mm: float | None = None
    hd95_mm: float | None = None
    assd_mm: float | None = None
    nsd: float | None = None
