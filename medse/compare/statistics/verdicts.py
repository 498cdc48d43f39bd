"""Paired statistics of models on the same cases, and the verdict after them."""

import math
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from medse.arrays import BoolArray, FloatArray
from medse.compare.statistics.findings import Findings, ModelMeans, PairRow, Verdict
from medse.compare.statistics.ranks import rank_models
from medse.compare.statistics.signed_rank import holm, signed_rank
from medse.compare.statistics.trainings import Cohort, case_scores, defined_in_all, mean_over, seed_sd
from medse.scores.statistics import group_means, summarise

ALPHA = 0.05


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
    groups = [group for group, keep in zip(cohort.groups, kept, strict=True) if keep]
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
    """Count the masks that only one of the two models missed or hallucinated."""
    classes = slice(place - 1, place) if place else slice(None)
    absent = cohort.reference_empty[:, classes]
    missed, hallucinated = (
        [
            np.any([wrong(t.empty[:, classes], absent) for t in cohort.trainings if t.model == name], axis=0)
            for name in (first, second)
        ]
        for wrong in (_missed, _hallucinated)
    )
    return {
        "hallucinated_first": int((hallucinated[0] & ~hallucinated[1]).sum()),
        "hallucinated_second": int((hallucinated[1] & ~hallucinated[0]).sum()),
        "missed_first": int((missed[0] & ~missed[1]).sum()),
        "missed_second": int((missed[1] & ~missed[0]).sum()),
    }


def _missed(empty: BoolArray, absent: BoolArray) -> BoolArray:
    return ~absent & empty


def _hallucinated(empty: BoolArray, absent: BoolArray) -> BoolArray:
    return absent & ~empty


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
    kept = defined_in_all(scores)
    groups = [group for group, keep in zip(cohort.groups, kept, strict=True) if keep]
    return np.stack([group_means(one[kept], groups)[0] for one in scores], axis=1)
