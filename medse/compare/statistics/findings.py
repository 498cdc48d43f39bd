"""What a comparison of models on the same cases says: its lines and what belongs to all of them."""

import math
from typing import Literal

from medse.compare.statistics.ranks import Ranks
from medse.scores.rows import Record
from medse.scores.statistics import Number

Verdict = Literal["better", "worse", "not distinguishable"]


class PairRow(Record):
    """Two models in one class, or in the mean over classes: a line of ``comparison.csv``.

    Attributes:
        scope: What is compared.
        label: Class name; empty for the mean over classes.
        first: A model; every difference is first minus second.
        second: The other.
        n: Cases in which the score of both is defined; means and difference are over these.
        groups: Groups they come from.
        low_95: Lower end of the bootstrap interval of the difference, groups drawn whole.
        high_95: Upper end.
        p: Wilcoxon's signed-rank test, two-sided, of the means of groups.
        p_holm: Corrected over all pairs, and for classes over all classes and pairs.
        p_smallest: What ``p`` would be if all differences that are not zero had one sign.
        seed_floor: ``2 sd_seed sqrt(2 / n_seeds)``, with the fewer trainings of the two; NaN without repeats.
        verdict: What the first model is, compared with the second.
        not_met: Conditions of *better* and *worse* that do not hold: p, direction, interval, seeds.
        undefined_both: Cases left out because the score of both is undefined.
        undefined_first: ... of the first only.
        undefined_second: ... of the second only.
        hallucinated_first: Predictions, by case and class, where the reference is empty and only the first
            model's is not; of several trainings one suffices.
        hallucinated_second: ... only the second's is not.
        missed_first: The reference is not empty, and only the first model's prediction is.
        missed_second: ... only the second's is.
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
    hallucinated_first: int
    hallucinated_second: int
    missed_first: int
    missed_second: int


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
        """The rows of the mean over classes."""
        return tuple(row for row in self.rows if row.scope == "mean of classes")

    @property
    def by_class(self) -> tuple[PairRow, ...]:
        """The rows of single classes."""
        return tuple(row for row in self.rows if row.scope == "class")
