"""What ``medse evaluate`` finds out: the lines of its tables, and ``scores.json``."""

import math
from typing import Literal

from pydantic import Field, model_validator

from medse.scores.statistics import Name, Number, Record, Summary

LesionOutcome = Literal["matched", "false negative", "false positive"]


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
        lesions_matched: Pairs of lesions that belong together by the rule in the settings.
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
        outcome: Matched; a false negative is of the reference and a false positive of the prediction, both without
            a partner.
        partner: Number of its partner in the other map; None without one.
        dice: Of the pair; 0 without a partner.
        volume_ml: NaN for pictures.
    """

    case: str
    label: str
    side: Literal["reference", "prediction"]
    lesion: int
    outcome: LesionOutcome
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


class ConventionMean(Record):
    """Averages one score of one class by one convention.

    Attributes:
        n: Cases with a finite value, over which the mean is.
        undefined: Cases where the convention gives NaN or fails.
        infinite: Cases where it gives infinity.
    """

    n: int
    mean: Number
    undefined: int
    infinite: int


class DistanceSummary(Record):
    """Summarises a surface distance.

    Attributes:
        every: Over all cases in which it is defined, those with one empty mask at their penalty.
        both_masks: Over those in which both masks have voxels.
    """

    every: Summary
    both_masks: Summary


class LesionSummary(Record):
    """Adds up the lesions of one class over all cases; sensitivity, precision and F1 are of these sums."""

    reference: int
    prediction: int
    matched: int
    sensitivity: Number
    precision: Number
    f1: Number
    f1_by_case: Summary
    dice_by_case: Summary


class EmptyMasks(Record):
    """Counts the empty masks of one class, and says what other tools would have made of them.

    Attributes:
        both_empty: Cases where neither mask has a voxel.
        false_negatives: Cases where only the reference has voxels.
        false_positives: Cases where only the prediction has voxels.
        mean_dice: Rule for empty masks -> mean Dice over cases by that rule.
    """

    both_empty: int
    false_negatives: int
    false_positives: int
    mean_dice: dict[str, Number]

    @property
    def any(self) -> bool:
        """Whether any mask was empty."""
        return bool(self.both_empty or self.false_negatives or self.false_positives)


class ClassScores(Record):
    """Summarises one class over all cases.

    The volume differences are prediction minus reference; cases where both masks are empty are left out, of
    the relative ones also those where the reference is empty.
    """

    label: str
    value: int | None = None
    dice: Summary
    iou: Summary | None
    precision: Summary
    recall: Summary
    volume_difference_ml: Summary
    volume_difference_percent: Summary
    empty_masks: EmptyMasks
    hd_mm: DistanceSummary | None = None
    hd95_mm: DistanceSummary | None = None
    assd_mm: DistanceSummary | None = None
    nsd: Summary | None = None
    centreline_dice: Summary | None = None
    lesions: LesionSummary | None = None
    conventions: dict[str, dict[str, ConventionMean]] = Field(default_factory=dict)
    """Convention beside the main one -> score -> its mean; scores it lacks are left out."""

    def summary(self, name: str) -> Summary | None:
        """Return the summary of a score over all cases; None where it was not computed."""
        found = getattr(self, name)
        return found.every if isinstance(found, DistanceSummary) else found


class Summaries(Record):
    """Summarises all rows.

    Attributes:
        groups: Number of groups (patients) the cases come from.
        mean_dice: Mean over classes per case, summarised over cases.
        classes: One entry per class, in the order of their values.
        empty_masks: Of all classes together.
    """

    cases: int
    groups: int
    mean_dice: Summary
    classes: tuple[ClassScores, ...]
    empty_masks: EmptyMasks


class Settings(Record):
    """What was scored and how, by folder and file names without their path unless it was asked for.

    Attributes:
        labels: Class name to its value, or the list of values it merges, background and ignored values
            included; None where classes are named after the values found in the files, or after files.
        cases_file: Name of the file that listed the cases; None where all were scored.
        geometry_fixed: Cases whose prediction had another affine and was given that of the reference.
        resampled: Cases whose prediction lay on another grid and was brought onto that of the reference.
        missing_predictions: Cases without a prediction, scored as if it were empty.
        mask_files: Whether there was a binary mask per class instead of label maps.
        binary: Whether label maps were read as masks of one class, whatever value marks it.
        merged: Further classes -> the classes of which each is the union.
        unit: What counts once in means and intervals: a case, or a group by the mean of its cases.
        tolerance_mm: Class -> tolerance of NSD.
        lesion_rule: A sentence: when two lesions belong together; empty without lesions.
        pixel_mm: Length of a pixel of pictures; None where pictures have none, or there are none.
    """

    references: Name
    predictions: Name
    labels: dict[str, int | list[int]] | None
    cases_file: Name | None
    geometry_fixed: tuple[str, ...] = ()
    resampled: tuple[str, ...] = ()
    missing_predictions: tuple[str, ...] = ()
    mask_files: bool = False
    binary: bool = False
    merged: dict[str, list[str]] = Field(default_factory=dict)
    unit: Literal["case", "group"] = "case"
    distances: bool = False
    tolerance_mm: dict[str, float] = Field(default_factory=dict)
    centreline: tuple[str, ...] = ()
    lesions: tuple[str, ...] = ()
    lesion_rule: str = ""
    pixel_mm: float | None = None
    interval_method: str
    interval_level: float
    interval_resamples: int
    interval_seed: int


class Scores(Record):
    """Everything that ``medse evaluate`` found out.

    Attributes:
        form: Names and meaning of what is in the files; other forms are not read.
        created: Date and time, ISO 8601 with time zone.
        rows: The table, sorted by case; it stands in ``scores.csv`` and not in ``scores.json``.
        details: As many, in the same order, in ``details.csv``; none where nothing of it was computed.
        lesions: In ``lesions.csv``; none unless lesions were asked for.
        beside: By case, class and convention, in ``conventions.csv``; none unless conventions were asked for.
        not_scored: Case -> why it could not be read; it is in no table and no mean.
    """

    form: Literal[2] = 2
    convention: str
    created: str
    versions: dict[str, str]
    settings: Settings
    summaries: Summaries
    not_scored: dict[str, Name] = Field(default_factory=dict)
    rows: tuple[ScoreRow, ...] = Field(exclude=True)
    details: tuple[DetailRow, ...] = Field((), exclude=True)
    lesions: tuple[LesionRow, ...] = Field((), exclude=True)
    beside: tuple[ConventionRow, ...] = Field((), exclude=True)

    @model_validator(mode="after")
    def _check_rows(self) -> "Scores":
        cases, classes = self.summaries.cases, len(self.summaries.classes)
        if len(self.rows) != cases * classes:
            expected = f"{cases} cases and {classes} classes make {cases * classes}"
            raise ValueError(f"{len(self.rows)} rows where {expected}")
        return self
