"""What ``medse compare`` finds out about classifiers, and the files beside its page."""

import math
from pathlib import Path
from typing import Literal, get_args

from medse.compare.result import SUMMARY, TABLE, Verdict
from medse.files import write_text
from medse.scores.files import csv_text
from medse.scores.statistics import Name, Number, Record

ClassifierScore = Literal["accuracy", "balanced_accuracy", "macro_auc"]
COMPARED: tuple[ClassifierScore, ...] = get_args(ClassifierScore)
"""What decides, for each by itself; higher is better."""


class ScorePair(Record):
    """Two models by one score: a line of ``comparison.csv``.

    Attributes:
        first: A model; every difference is first minus second.
        mean_first: The score of the first model, the mean of those of its trainings.
        low_95: Lower end of the paired bootstrap interval of the difference, groups drawn whole.
        p: Of the same bootstrap, two-sided: twice the share of resamples whose difference lies on the other side
            of 0, or on it.
        p_holm: Corrected over all scores and pairs.
        seed_floor: ``2 sd_seed sqrt(2 / n_seeds)``, with the fewer trainings of the two; NaN without repeats.
        verdict: What the first model is, compared with the second.
        not_met: Conditions of *better* and *worse* that do not hold: p, interval, seeds.
        undefined: Resamples left out, because a class was not drawn.
    """

    score: ClassifierScore
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
    seed_floor: Number
    verdict: Verdict = "not distinguishable"
    not_met: str = ""
    undefined: int


class AucTest(Record):
    """DeLong's paired test of one class against the rest.

    Attributes:
        z: NaN where it is undefined, as ``p`` is.
    """

    label: str
    auc_first: Number
    auc_second: Number
    z: Number
    p: Number


class BesideTests(Record):
    """Tests of two models that stand beside the verdict, of the first training of each.

    They take cases for independent: where several share a group they are naive.

    Attributes:
        only_first: Cases that only the first model has right; ``only_second`` likewise.
        mcnemar_exact_p: From the binomial distribution.
        mcnemar_chi2: With continuity correction; NaN where the models are right in the same cases.
        proportions_z: Of the two accuracies as if they were of different cases, variance pooled.
        delong: One entry per class.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    mcnemar_exact_p: Number
    mcnemar_chi2: Number
    mcnemar_chi2_p: Number
    proportions_z: Number
    proportions_p: Number
    delong: tuple[AucTest, ...]


class ClassifierModel(Record):
    """One model: the scores of each of its trainings, in the order given."""

    name: str
    accuracy: tuple[Number, ...]
    balanced_accuracy: tuple[Number, ...]
    macro_auc: tuple[Number, ...]


class ClassifierSource(Record):
    """A folder that was compared: one training of a model.

    Attributes:
        folder: Its name without its path.
        created: When it was scored, ISO 8601 with time zone.
        medse: Version that scored it.
        split: What is known of how training and validation cases were told apart.
        duplicates: Duplicates across the split; None where nobody looked.
    """

    model: str
    folder: Name
    created: str
    medse: str
    split: dict[str, str]
    duplicates: int | None


class ClassificationComparison(Record):
    """Everything that ``medse compare`` found out about classifiers: ``comparison.json``.

    Attributes:
        created: Date and time, ISO 8601 with time zone.
        naive: Whether several cases share a group, so that the tests beside the verdict are naive.
        sources: In the order given.
        models: In the order of their first training.
        rows: Every pair by every score.
        beside: Every pair.
        seed_degrees: Degrees of freedom of the spread between trainings of a model; 0 without repeated trainings.
    """

    task: Literal["classification"] = "classification"
    created: str
    versions: dict[str, str]
    n: int
    groups: int
    naive: bool
    classes: tuple[str, ...]
    sources: tuple[ClassifierSource, ...]
    models: tuple[ClassifierModel, ...]
    rows: tuple[ScorePair, ...]
    beside: tuple[BesideTests, ...]
    seed_degrees: int
    resamples: int
    seed: int

    def of_pair(self, first: str, second: str) -> tuple[ScorePair, ...]:
        """Return the scores of one pair of models."""
        return tuple(row for row in self.rows if (row.first, row.second) == (first, second))

    @property
    def seeds_checked(self) -> bool:
        """Whether a model was given with repeated trainings."""
        return self.seed_degrees > 0


def write_classification_comparison(folder: Path, comparison: ClassificationComparison) -> None:
    write_text(folder / TABLE, csv_text(ScorePair, comparison.rows))
    write_text(folder / SUMMARY, comparison.model_dump_json(indent=1) + "\n")
