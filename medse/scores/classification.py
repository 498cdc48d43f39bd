"""What ``medse evaluate`` finds out about a classifier: ``classification.json`` and ``cases.csv``."""

import csv
import io
import json
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from medse.errors import InputError
from medse.files import write_text
from medse.scores.files import as_named, guarded
from medse.scores.predictions import PROBABILITY
from medse.scores.statistics import Name, Number, Record

SUMMARY, CASES = "classification.json", "cases.csv"
_CELLS = ("case", "group", "fold", "image", "slice", "reference", "predicted")


class Estimate(Record):
    """A number and its 95 % interval, by bootstrap over groups; NaN where undefined.

    Attributes:
        undefined: Resamples in which it is undefined, because a class was not drawn; the interval is over the others.
    """

    value: Number
    low_95: Number
    high_95: Number
    undefined: int = 0


class DeLong(Record):
    """The interval of an AUC after DeLong, plain (AUC ± 1.96 standard errors, cut at 0 and 1); NaN where undefined.

    It takes cases for independent; where several share a group it is naive.
    """

    standard_error: Number
    low_95: Number
    high_95: Number


class Decision(Record):
    """One class against the rest by one rule: counts of cases and what follows from them."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    sensitivity: Estimate
    specificity: Estimate
    ppv: Estimate
    npv: Estimate


class Curve(Record):
    """Points of a curve, in order.

    Of a ROC curve ``x`` is 1 - specificity and ``y`` sensitivity; of a precision-recall curve recall and
    precision; of a decision curve the threshold and the net benefit. Long curves are thinned; the points that are
    kept are exact.
    """

    x: tuple[Number, ...]
    y: tuple[Number, ...]


class DecisionCurve(Record):
    """Net benefit over thresholds: by the model, and if every case were taken for the class (none: always 0)."""

    model: Curve
    every: Curve


class ClassResult(Record):
    """One class against the rest.

    Attributes:
        label: Class name.
        n: Cases whose reference it is; of a class without one, and of one that all cases have, AUC is undefined.
        groups: Groups these come from.
        predicted: Cases for which it is the most probable class.
        most_probable: By the rule that the most probable class is predicted.
        at_threshold: By the rule that its probability reaches the threshold of the settings.
        brier: Mean of (probability - 1 or 0)².
        decision_curve: None unless asked for.
    """

    label: str
    n: int
    groups: int
    predicted: int
    most_probable: Decision
    at_threshold: Decision
    auc: Estimate
    auc_delong: DeLong
    average_precision: Estimate
    brier: Estimate
    roc: Curve
    precision_recall: Curve
    decision_curve: DecisionCurve | None = None


class CalibrationBin(Record):
    """Cases whose highest probability is in ``(low, high]``, the first bin with its lower end.

    Attributes:
        confidence: Mean highest probability; NaN without a case.
        accuracy: Share whose most probable class is the reference; NaN without a case.
    """

    low: float
    high: float
    n: int
    confidence: Number
    accuracy: Number


class Overall(Record):
    """All classes together.

    Attributes:
        balanced_accuracy: Mean sensitivity over the classes that the references have.
        macro_auc: Mean over the classes of which it is defined, as ``macro_average_precision`` is.
        brier: Mean over cases of the sum over classes of (probability - 1 or 0)²: from 0 to 2.
        log_loss: Mean of -ln of the probability of the reference, which counts as 2.2e-16 where it is lower.
        calibration_error: Mean over cases of |accuracy - confidence| of their bin.
    """

    accuracy: Estimate
    balanced_accuracy: Estimate
    macro_auc: Estimate
    macro_average_precision: Estimate
    brier: Estimate
    log_loss: Estimate
    calibration_error: Estimate


class CaseRow(Record):
    """One case: a line of ``cases.csv``, in which a column for each class follows.

    Attributes:
        group: The case itself where no group is known.
        fold: Whose fold's model predicted it; empty where unknown.
        image: Path below the folder of the references; the name alone where it lies elsewhere, empty where unknown.
        slice: Index of the slice of the volume that ``image`` is; None for a picture or a whole volume.
        probabilities: Of the classes in their order.
    """

    case: str
    group: str
    fold: str = ""
    image: str = ""
    slice: int | None = None
    reference: str
    predicted: str
    probabilities: tuple[float, ...]

    @property
    def confidence(self) -> float:
        """The highest probability."""
        return max(self.probabilities)


class DuplicateRow(Record):
    """Two images that are the same by content.

    Attributes:
        kind: identical (files), pixels, or similar.
        how: What was done to one of them, such as turned by 90 degrees; empty if nothing.
    """

    one: str
    other: str
    kind: str
    how: str = ""


class ClassificationSettings(Record):
    """What was scored and how; names without paths unless these were asked for.

    Attributes:
        cases_file: Name of the file that listed the cases; None where all were scored.
        threshold: Of the rule ``at_threshold``.
        calibration_bins: Bins of equal width.
        grouped: Whether several cases share a group; DeLong's interval is naive then.
    """

    references: Name
    predictions: Name
    cases_file: Name | None
    threshold: float
    calibration_bins: int
    grouped: bool
    interval_method: str
    interval_level: float
    interval_resamples: int
    interval_seed: int


class ClassificationScores(Record):
    """Everything that ``medse evaluate`` found out about a classifier.

    Attributes:
        form: Names and meaning of what is in the files; other forms are not read.
        created: Date and time, ISO 8601 with time zone.
        groups: Number of groups the cases come from.
        confusion: Cases by reference (outer) and most probable class (inner).
        calibration: Of the highest probability.
        split: What is known of how training and validation cases were told apart; empty where nothing is.
        duplicates: Images that are the same by content on both sides of the split; None where nobody looked.
        temperature: By which the network's outputs were divided; None where unknown.
        rows: The cases, sorted by name; they stand in ``cases.csv`` and not in ``classification.json``.
    """

    form: Literal[1] = 1
    task: Literal["classification"] = "classification"
    created: str
    versions: dict[str, str]
    settings: ClassificationSettings
    n: int
    groups: int
    classes: tuple[ClassResult, ...]
    overall: Overall
    confusion: tuple[tuple[int, ...], ...]
    calibration: tuple[CalibrationBin, ...]
    split: dict[str, str] = Field(default_factory=dict)
    duplicates: tuple[DuplicateRow, ...] | None = None
    temperature: float | None = None
    rows: tuple[CaseRow, ...] = Field(exclude=True)

    @model_validator(mode="after")
    def _check_rows(self) -> "ClassificationScores":
        if len(self.rows) != self.n:
            raise ValueError(f"{len(self.rows)} rows where there are {self.n} cases")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes."""
        return tuple(one.label for one in self.classes)

    @property
    def mistakes(self) -> list[CaseRow]:
        """Cases whose most probable class is not the reference, the most confident first."""
        wrong = [row for row in self.rows if row.predicted != row.reference]
        return sorted(wrong, key=lambda row: (-row.confidence, row.case))


def write_classification(folder: Path, scores: ClassificationScores) -> None:
    write_text(folder / CASES, _cases_text(scores))
    write_text(folder / SUMMARY, scores.model_dump_json(indent=1) + "\n")


def is_classification(folder: Path) -> bool:
    """Whether ``medse evaluate`` wrote scores of a classifier into a folder."""
    return (folder / SUMMARY).is_file()


def read_classification(folder: Path) -> ClassificationScores:
    """Read what :func:`write_classification` wrote.

    Raises:
        InputError: A file is missing, damaged, or of another form.
    """
    try:
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        labels = [one["label"] for one in summary["classes"]]
        return ClassificationScores.model_validate({**summary, "rows": _read_cases(folder / CASES, labels)})
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} does not exist; run medse evaluate first.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{'.'.join(map(str, first['loc']))}: " if first["loc"] else ""
        what = where + first["msg"].removeprefix("Value error, ")
        if first["loc"] == ("form",):
            what = "another version of medse wrote them, under other names"
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, csv.Error) as error:
        what = f"{type(error).__name__} {error}"
    raise InputError(f"{folder} holds scores that cannot be read ({what}); run medse evaluate again.")


def _cases_text(scores: ClassificationScores) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*_CELLS, *(PROBABILITY + label for label in scores.labels)])
    for row in scores.rows:
        cells = (getattr(row, name) for name in _CELLS)
        named = [guarded(cell) if isinstance(cell, str) else cell for cell in cells]
        writer.writerow([*named, *(f"{p:.17g}" for p in row.probabilities)])
    return text.getvalue()


def _read_cases(path: Path, labels: list[str]) -> list[dict[str, object]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return [
            {name: as_named(row[name]) for name in _CELLS}
            | {"slice": row["slice"] or None}
            | {"probabilities": tuple(float(row[PROBABILITY + label]) for label in labels)}
            for row in csv.DictReader(lines)
        ]
