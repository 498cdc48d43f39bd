"""Paired statistics of models on the same cases, some of them trained several times, and the verdict after them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, compress
from typing import Literal

import numpy as np

from medse.arrays import BoolArray, FloatArray
from medse.compare.ranks import holm, rank_models, signed_rank
from medse.compare.result import Findings, ModelMeans, PairRow, Verdict
from medse.scores.statistics import finite_mean, group_means, summarise

ALPHA = 0.05


@dataclass(frozen=True)
class Training:
    """One training of a model, scored.

    Attributes:
        model: Its name; trainings of the same name differ in nothing but the seed.
        scores: ``(cases, classes)``; NaN or infinite where the score is undefined.
        empty: ``(cases, classes)``: the prediction has no voxel of the class.
    """

    model: str
    scores: FloatArray
    empty: BoolArray


@dataclass(frozen=True)
class Cohort:
    """The same cases, scored for every training.

    Attributes:
        groups: Group (patient) of each case; a case id where every case stands alone.
        reference_empty: ``(cases, classes)``: the reference has no voxel of the class.
        counted: Positions of the classes that enter the mean over classes.
        unit: What counts once in means: a case, or a group by the mean of its cases.
    """

    classes: tuple[str, ...]
    groups: tuple[str, ...]
    reference_empty: BoolArray
    trainings: tuple[Training, ...]
    counted: tuple[int, ...]
    unit: Literal["case", "group"] = "case"

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(training.model for training in self.trainings))

    def columns(self) -> list[dict[str, FloatArray]]:
        """Return model -> ``(trainings, cases)`` for the mean over classes, and then for every class.

        The mean over classes of a case is over those with a defined score, as in the report. Only a class that
        is undefined in another training for another reason than a correctly empty prediction is left out of it.
        """
        scores = np.stack([training.scores for training in self.trainings])
        correct = self.reference_empty & np.stack([training.empty for training in self.trainings])
        defined = np.isfinite(scores)
        kept = np.where(defined & (defined | correct).all(axis=0), scores, np.nan)
        table = np.concatenate(
            [[finite_mean(one)[:, None] for one in kept[:, :, list(self.counted)]], scores], axis=2
        )
        of_model = {
            name: [k for k, training in enumerate(self.trainings) if training.model == name]
            for name in self.models
        }
        return [{name: one[places] for name, places in of_model.items()} for one in np.moveaxis(table, 2, 0)]


def case_scores(trainings: FloatArray) -> FloatArray:
    """Return the mean over trainings; NaN where the score of one is undefined.

    Shape:
        ``(trainings, cases)`` in, ``(cases,)`` out.
    """
    means: FloatArray = np.where(np.isfinite(trainings), trainings, np.nan).mean(axis=0)
    return means


def seed_sd(column: Mapping[str, FloatArray], cohort: Cohort) -> float:
    """Return the sd between trainings of one model of their mean over cases, pooled over the models.

    The variances of the models are weighted by their trainings less one. NaN where no model was trained twice.

    Shape:
        Of each model of ``column``: ``(trainings, cases)``.
    """
    squares, degrees = 0.0, 0
    for scores in column.values():
        kept = np.isfinite(case_scores(scores))
        if len(scores) > 1 and kept.any():
            means = [mean_over(one, kept, cohort) for one in scores]
            squares += (len(means) - 1) * float(np.var(means, ddof=1))
            degrees += len(means) - 1
    return math.sqrt(squares / degrees) if degrees else math.nan


def mean_over(values: FloatArray, kept: BoolArray, cohort: Cohort) -> float:
    """Return the mean of the kept values over what counts once; NaN without any."""
    if not kept.any():
        return math.nan
    if cohort.unit == "case":
        return float(values[kept].mean())
    return float(group_means(values[kept], list(compress(cohort.groups, kept)))[0].mean())


def compare_models(cohort: Cohort, *, higher_is_better: bool) -> Findings:
    """Compare every pair of models, in every class and in the mean over classes."""
    columns = cohort.columns()
    overall = columns[0]
    pairs = list(combinations(cohort.models, 2))
    repeated = len(cohort.trainings) - len(cohort.models)
    rows: list[PairRow] = []
    for family in (range(1), range(1, len(columns))):
        found = [_compare(cohort, columns[k], k, *pair) for k in family for pair in pairs]
        corrected = holm(np.array([row.p for row, _ in found]))
        rows += [
            _judge(row, direction, float(p), higher_is_better=higher_is_better, seeds=repeated > 0)
            for (row, direction), p in zip(found, corrected, strict=True)
        ]
    return Findings(
        cases=len(cohort.groups),
        groups=len(set(cohort.groups)),
        classes=cohort.classes,
        models=tuple(
            ModelMeans(name=name, trainings=tuple(mean_over(one, np.isfinite(one), cohort) for one in scores))
            for name, scores in overall.items()
        ),
        rows=tuple(rows),
        seed_sd=seed_sd(overall, cohort),
        seed_degrees=repeated,
        ranks=rank_models(cohort.models, _blocks(overall, cohort), higher_is_better=higher_is_better),
    )


def _compare(
    cohort: Cohort, column: Mapping[str, FloatArray], place: int, first: str, second: str
) -> tuple[PairRow, int]:
    """Compare two models; ``place`` is 0 for the mean over classes. Return the row and the ranks' direction."""
    one, other = (case_scores(column[name]) for name in (first, second))
    defined, also = np.isfinite(one), np.isfinite(other)
    kept = defined & also
    groups = list(compress(cohort.groups, kept))
    differences = (one - other)[kept]
    test = signed_rank(group_means(differences, groups)[0])
    if cohort.unit == "group":
        differences, groups = group_means(differences, groups)
    summary = summarise(differences, groups)
    repeats = min(len(column[first]), len(column[second]))
    row = PairRow(
        scope="class" if place else "mean of classes",
        label=cohort.classes[place - 1] if place else "",
        first=first,
        second=second,
        n=int(kept.sum()),
        groups=len(set(groups)),
        mean_first=mean_over(one, kept, cohort),
        mean_second=mean_over(other, kept, cohort),
        difference=summary.mean,
        low_95=summary.low_95,
        high_95=summary.high_95,
        p=test.p,
        p_smallest=test.p_smallest,
        seed_floor=2 * seed_sd(column, cohort) * math.sqrt(2 / repeats),
        undefined_both=int((~defined & ~also).sum()),
        undefined_first=int((~defined & also).sum()),
        undefined_second=int((defined & ~also).sum()),
        **_wrong_by_one(cohort, place, first, second),
    )
    return row, test.direction


def _wrong_by_one(cohort: Cohort, place: int, first: str, second: str) -> dict[str, int]:
    """Count the masks that only one of the two models has without a reference, or lacks."""
    classes = slice(place - 1, place) if place else slice(None)
    absent = cohort.reference_empty[:, classes]
    counts: dict[str, int] = {}
    for kind, missing in (("false_positives", False), ("false_negatives", True)):
        one, other = (
            np.any([t.empty[:, classes] == missing for t in cohort.trainings if t.model == name], axis=0)
            & (absent != missing)
            for name in (first, second)
        )
        counts |= {f"{kind}_first": int((one & ~other).sum()), f"{kind}_second": int((other & ~one).sum())}
    return counts


def _judge(row: PairRow, direction: int, p_holm: float, *, higher_is_better: bool, seeds: bool) -> PairRow:
    """Fill in the verdict; ``seeds`` says whether the seed floor is a condition."""
    conditions = {
        "p": p_holm < ALPHA,
        "direction": direction * row.difference > 0,
        "interval": row.low_95 > 0 or row.high_95 < 0,
        "seeds": not seeds or abs(row.difference) > row.seed_floor,
    }
    not_met = ", ".join(name for name, holds in conditions.items() if not holds)
    side: Verdict = "better" if (row.difference > 0) == higher_is_better else "worse"
    verdict = "not distinguishable" if not_met else side
    return row.model_copy(update={"p_holm": p_holm, "verdict": verdict, "not_met": not_met})


def _blocks(overall: Mapping[str, FloatArray], cohort: Cohort) -> FloatArray:
    """Return the mean over classes as ``(groups, models)``, of the cases where it is defined for all models."""
    scores = np.stack([case_scores(trainings) for trainings in overall.values()])
    kept = np.isfinite(case_scores(scores))
    groups = list(compress(cohort.groups, kept))
    return np.stack([group_means(one[kept], groups)[0] for one in scores], axis=1)
