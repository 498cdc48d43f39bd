"""What ``medse evaluate`` finds out, as it stands in ``scores.csv``, ``scores.json`` and the files beside them."""

from typing import Literal

from pydantic import Field, model_validator

from medse.scores.ledger import Ledger
from medse.scores.rows import ConventionRow, DetailRow, LesionRow, Record, ScoreRow
from medse.scores.statistics import Number, Summary


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
        every: Over all cases in which it is defined, misses included at their penalty.
        both_masks: Over those in which both masks have voxels.
    """

    every: Summary
    both_masks: Summary


class LesionSummary(Record):
    """Adds up the lesions of one class over all cases; the ratios are of these sums.

    Attributes:
        reference: Lesions of the references.
        prediction: Lesions of the predictions.
        matched: Pairs that belong together.
        sensitivity: matched / reference.
        precision: matched / prediction.
        f1: ``2 matched / (reference + prediction)``.
        f1_by_case: The F1 of each case.
        dice_by_case: :attr:`DetailRow.lesion_dice` of each case.
    """

    reference: int
    prediction: int
    matched: int
    sensitivity: Number
    precision: Number
    f1: Number
    f1_by_case: Summary
    dice_by_case: Summary


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
    ledger: Ledger
    hd_mm: DistanceSummary | None = None
    hd95_mm: DistanceSummary | None = None
    assd_mm: DistanceSummary | None = None
    nsd: Summary | None = None
    centreline_dice: Summary | None = None
    lesions: LesionSummary | None = None
    conventions: dict[str, dict[str, ConventionMean]] = Field(default_factory=dict)
    """Convention beside the main one -> score (``dice`` ... ``nsd``) -> its mean; scores it lacks are left out."""


class Summaries(Record):
    """Summarises all rows.

    Attributes:
        cases: Number of cases.
        groups: Number of groups (patients) they come from.
        mean_dice: Mean over classes per case, summarised over cases.
        classes: One entry per class, in the order of their values.
        ledger: Empty masks of all classes together.
    """

    cases: int
    groups: int
    mean_dice: Summary
    classes: tuple[ClassScores, ...]
    ledger: Ledger


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
        merged: Further classes -> the classes of which each is the union.
        unit: What counts once in means and intervals: a case, or a group by the mean of its cases.
        distances: Whether surface distances were computed.
        tolerance_mm: Class -> tolerance of NSD.
        centreline: Classes whose centrelines were compared.
        lesions: Classes that were taken apart into lesions.
        lesion_rule: A sentence: when two lesions belong together; empty without lesions.
        pixel_mm: Length of a pixel of pictures; None where pictures have none, or there are none.
    """

    references: str
    predictions: str
    labels: dict[str, int | list[int]] | None
    cases_file: str | None
    geometry_fixed: tuple[str, ...] = ()
    resampled: tuple[str, ...] = ()
    missing_predictions: tuple[str, ...] = ()
    mask_files: bool = False
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
        convention: Name of the rules by which the scores were computed.
        created: Date and time, ISO 8601 with time zone.
        versions: Package name -> version.
        rows: The table, sorted by case; it stands in ``scores.csv`` and not in ``scores.json``.
        details: As many, in the same order, in ``details.csv``; none where nothing of it was computed.
        lesions: In ``lesions.csv``; none unless lesions were asked for.
        beside: By case, class and convention, in ``conventions.csv``; none unless conventions were asked for.
        not_scored: Case -> why it could not be read; it is in no table and no mean.
    """

    convention: str
    created: str
    versions: dict[str, str]
    settings: Settings
    summaries: Summaries
    not_scored: dict[str, str] = Field(default_factory=dict)
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
