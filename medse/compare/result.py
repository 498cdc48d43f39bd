"""What ``medse compare`` finds out, and the files beside its page."""

import csv
import io
from pathlib import Path
from typing import Literal

from medse.compare.statistics.findings import Findings, PairRow
from medse.files import write_text
from medse.scores.rows import Record

SUMMARY, TABLE = "comparison.json", "comparison.csv"


class Source(Record):
    """A folder that was compared: one training of a model.

    Attributes:
        model: The name it was given.
        folder: Its name without its path.
        created: When it was scored, ISO 8601 with time zone.
        medse: Version of medse that scored it.
        missing_predictions: Predictions that were missing and scored as the worst.
        geometry_fixed: Predictions that were given the affine of their reference.
        resampled: Predictions that were brought onto the grid of their reference.
        not_scored: Cases that could not be read and are in no comparison.
    """

    model: str
    folder: str
    created: str
    medse: str
    missing_predictions: int
    geometry_fixed: int
    resampled: int
    not_scored: tuple[str, ...]


class Comparison(Record):
    """Everything that ``medse compare`` found out: ``comparison.json``.

    Attributes:
        created: Date and time, ISO 8601 with time zone.
        versions: Package name -> version.
        score: What was compared: a column of ``scores.csv``.
        higher_is_better: Whether more of it is better.
        convention: Name of the rules by which it was computed.
        unit: What counts once in means.
        tolerance_mm: Class -> tolerance, where the score is NSD.
        sources: The folders, in the order given.
        found: The statistics.
    """

    created: str
    versions: dict[str, str]
    score: str
    higher_is_better: bool
    convention: str
    unit: Literal["case", "group"]
    tolerance_mm: dict[str, float]
    sources: tuple[Source, ...]
    found: Findings

    @property
    def seeds_checked(self) -> bool:
        """Whether a model was given with repeated trainings."""
        return self.found.seed_degrees > 0


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write the table of pairs and the summary into ``folder``."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(PairRow.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.model_dump() for row in comparison.found.rows)
    write_text(folder / TABLE, text.getvalue())
    write_text(folder / SUMMARY, comparison.model_dump_json(indent=1) + "\n")
