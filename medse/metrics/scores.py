"""The table of scores and its summary, as they stand in ``scores.csv`` and ``scores.json``."""

import csv
import io
import json
import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from medse.errors import InputError
from medse.files import write_text
from medse.metrics.ledger import Ledger
from medse.metrics.statistics import Summary

TABLE = "scores.csv"
SUMMARY = "scores.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoreRow(_Record):
    """One class in one case: a line of ``scores.csv``, whose columns are these fields in this order.

    NaN means undefined, None not computed. ``label`` is the class name, ``value`` its value in the files;
    ``group`` is the patient, or the case where no patient is known. Recall is undefined where the reference
    is empty and precision where the prediction is; the volumes of pictures are undefined.
    """

    case: str
    group: str
    label: str
    value: int
    dice: float
    iou: float
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


class ClassScores(_Record):
    """Summarises one class over all cases.

    The volume differences are prediction minus reference; cases where both masks are empty are left out, of
    the relative ones also those where the reference is empty.
    """

    label: str
    value: int
    dice: Summary
    iou: Summary
    precision: Summary
    recall: Summary
    volume_difference_ml: Summary
    volume_difference_percent: Summary
    ledger: Ledger


class Summaries(_Record):
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


class Settings(_Record):
    """What was scored and how, by folder and file names without their path.

    Attributes:
        labels: Class name to its value, or the list of values it merges, background and ignored values
            included; None where classes are named after the values found in the files.
        cases_file: Name of the file that listed the cases; None where all were scored.
        geometry_fixed: Cases whose prediction had another affine and was given that of the reference.
    """

    references: str
    predictions: str
    labels: dict[str, int | list[int]] | None
    cases_file: str | None
    geometry_fixed: tuple[str, ...] = ()
    interval_method: str
    interval_level: float
    interval_resamples: int
    interval_seed: int


class Scores(_Record):
    """Everything that ``medse evaluate`` found out.

    Attributes:
        convention: Name of the rules by which the scores were computed.
        created: Date and time, ISO 8601 with time zone.
        versions: Package name -> version.
        rows: The table, sorted by case; it stands in ``scores.csv`` and not in ``scores.json``.
    """

    convention: str
    created: str
    versions: dict[str, str]
    settings: Settings
    summaries: Summaries
    rows: tuple[ScoreRow, ...] = Field(exclude=True)

    @model_validator(mode="after")
    def _check_rows(self) -> "Scores":
        cases, classes = self.summaries.cases, len(self.summaries.classes)
        if len(self.rows) != cases * classes:
            expected = f"{cases} cases and {classes} classes make {cases * classes}"
            raise ValueError(f"{len(self.rows)} rows where {expected}")
        return self


def write_scores(folder: Path, scores: Scores) -> None:
    """Write ``scores.csv`` and ``scores.json`` into ``folder``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(ScoreRow.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.model_dump() for row in scores.rows)
    write_text(folder / TABLE, text.getvalue())
    write_text(folder / SUMMARY, scores.model_dump_json(indent=1) + "\n")


def read_scores(folder: Path) -> Scores:
    """Read what :func:`write_scores` wrote.

    Raises:
        InputError: A file is missing, damaged, or was not written by :func:`write_scores`.
    """
    try:
        with (folder / TABLE).open(encoding="utf-8", newline="") as lines:
            rows = [{key: cell for key, cell in row.items() if cell != ""} for row in csv.DictReader(lines)]
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return Scores.model_validate({**summary, "rows": rows})
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} does not exist; run medse evaluate first.") from error
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (OSError, ValueError, TypeError, csv.Error) as error:
        what = str(error)
    raise InputError(f"{folder} holds scores that cannot be read ({what}); run medse evaluate again.")
