"""What ``medse compare`` finds out, and the files beside its page."""

import math
from pathlib import Path
from typing import Literal

from medse.compare.ranks import Ranks
from medse.files import write_text
from medse.scores.files import csv_text
from medse.scores.statistics import Name, Number, Record

SUMMARY, TABLE = "comparison.json", "comparison.csv"
Verdict = Literal["better", "worse", "not distinguishable"]


class PairRow(Record):
    """Two models in one class, or in the mean over classes: a line of ``comparison.csv``.

    Attributes:
        label: Class name; empty for the mean over classes.
        first: A model; every difference is first minus second.
        n: Cases in which the score of both is defined; means and difference are over these.
        low_95: Lower end of the bootstrap interval of the difference, groups drawn whole.
        p: Wilcoxon's signed-rank test, two-sided, of the means of groups.
        p_holm: Corrected over all pairs, and for classes over all classes and pairs.
        p_smallest: What ``p`` would be if all differences that are not zero had one sign.
        seed_floor: ``2 sd_seed sqrt(2 / n_seeds)``, with the fewer trainings of the two; NaN without repeats.
        verdict: What the first model is, compared with the second.
        not_met: Conditions of *better* and *worse* that do not hold: p, direction, interval, seeds.
        undefined_both: Cases left out because the score of both is undefined; then those of the first or second only.
        false_positives_first: Predictions, by case and class, where the reference is empty and only the first
            model's is not; of several trainings one suffices.
        false_negatives_first: The reference is not empty, and only the first model's prediction is.
    """

    scope: Literal["mean of classes", "class"]
    label: str
    first: str
    second: str
    n: int
    groups: int
    mean_first: Number
    mean_second: Number
    difference: Number
    low_95: Number
    high_95: Number
    p: Number
    p_holm: Number = math.nan
    p_smallest: Number
    seed_floor: Number
    verdict: Verdict = "not distinguishable"
    not_met: str = ""
    undefined_both: int
    undefined_first: int
    undefined_second: int
    false_positives_first: int
    false_positives_second: int
    false_negatives_first: int
    false_negatives_second: int


class ModelMeans(Record):
    """One model: the mean over classes and cases of each of its trainings, over all cases where it is defined."""

    name: str
    trainings: tuple[Number, ...]


class Findings(Record):
    """What the statistics say.

    Attributes:
        rows: The mean over classes of every pair, then every class of every pair.
        seed_sd: Of the mean over classes and cases; NaN without repeated trainings.
        seed_degrees: Degrees of freedom it has.
        ranks: By the mean over classes; None for fewer than three models.
    """

    cases: int
    groups: int
    classes: tuple[str, ...]
    models: tuple[ModelMeans, ...]
    rows: tuple[PairRow, ...]
    seed_sd: Number
    seed_degrees: int
    ranks: Ranks | None

    @property
    def overall(self) -> tuple[PairRow, ...]:
        return tuple(row for row in self.rows if row.scope == "mean of classes")

    @property
    def by_class(self) -> tuple[PairRow, ...]:
        return tuple(row for row in self.rows if row.scope == "class")


class Source(Record):
    """A folder that was compared: one training of a model.

    Attributes:
        folder: Its name without its path.
        created: When it was scored, ISO 8601 with time zone.
        medse: Version that scored it.
        missing_predictions: Predictions that were missing and scored as the worst.
        geometry_fixed: Predictions that were given the affine of their reference.
        resampled: Predictions that were brought onto the grid of their reference.
        not_scored: Cases that could not be read and are in no comparison.
    """

    model: str
    folder: Name
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
        score: What was compared: a column of ``scores.csv``.
        unit: What counts once in means.
        tolerance_mm: Class -> tolerance, where the score is NSD.
        sources: In the order given.
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
    write_text(folder / TABLE, csv_text(PairRow, comparison.found.rows))
    write_text(folder / SUMMARY, comparison.model_dump_json(indent=1) + "\n")
