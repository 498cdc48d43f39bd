"""Verdicts on pairs of models: when they may be given, and what is left out of them."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import ArrayLike

from medse.arrays import FloatArray
from medse.compare.result import Findings, PairRow
from medse.compare.verdicts import Cohort, Training, compare_models

RNG = np.random.default_rng(11)
BASE = RNG.beta(8, 2, (30, 2)) * 0.8
NOISE = RNG.normal(0, 0.01, (30, 2))
MIRROR = {"better": "worse", "worse": "better", "not distinguishable": "not distinguishable"}


def found(
    *trainings: tuple[str, ArrayLike],
    groups: Sequence[str] | None = None,
    absent: ArrayLike | None = None,
    empty: Sequence[ArrayLike] = (),
    higher_is_better: bool = True,
    unit: str = "case",
) -> Findings:
    tables = [np.asarray(scores, dtype=float) for _, scores in trainings]
    none = np.zeros(tables[0].shape, dtype=bool)
    masks = [np.asarray(mask) for mask in empty] or [none] * len(tables)
    cohort = Cohort(
        classes=tuple(f"class {k}" for k in range(none.shape[1])),
        groups=tuple(groups or map(str, range(len(none)))),
        reference_empty=none if absent is None else np.asarray(absent),
        trainings=tuple(
            Training(name, table, mask)
            for (name, _), table, mask in zip(trainings, tables, masks, strict=True)
        ),
        counted=tuple(range(none.shape[1])),
        unit=unit,
    )
    return compare_models(cohort, higher_is_better=higher_is_better)


def only(findings: Findings) -> PairRow:
    (row,) = findings.overall
    return row


def test_identical_models_are_not_distinguishable() -> None:
    for row in found(("a", BASE), ("b", BASE)).rows:
        assert (row.verdict, row.p, row.p_holm, row.difference) == ("not distinguishable", 1, 1, 0)


@pytest.mark.parametrize("higher", [True, False])
def test_a_clear_winner_and_its_mirror(higher: bool) -> None:
    forward = found(("a", BASE + 0.05 + NOISE), ("b", BASE), higher_is_better=higher)
    back = found(("b", BASE), ("a", BASE + 0.05 + NOISE), higher_is_better=higher)
    for row, mirrored in zip(forward.rows, back.rows, strict=True):
        assert row.verdict == ("better" if higher else "worse")
        assert mirrored.verdict == MIRROR[row.verdict]
        assert mirrored.difference == pytest.approx(-row.difference)
        assert (mirrored.low_95, mirrored.high_95) == pytest.approx((-row.high_95, -row.low_95))
        assert mirrored.p_holm == pytest.approx(row.p_holm)


def test_the_difference_is_of_the_means_and_the_interval_a_bootstrap() -> None:
    other = BASE + 0.01 + 3 * NOISE
    row = only(found(("a", other), ("b", BASE)))
    differences = (other - BASE).mean(axis=1)
    rng = np.random.default_rng(4)
    means = [differences[rng.integers(0, 30, 30)].mean() for _ in range(10_000)]
    assert row.difference == pytest.approx(differences.mean())
    assert row.mean_first - row.mean_second == pytest.approx(row.difference)
    assert (row.low_95, row.high_95) == pytest.approx(np.percentile(means, [2.5, 97.5]), abs=5e-4)


def test_few_cases_cannot_give_a_verdict() -> None:
    row = only(found(("a", BASE[:5] + 0.1), ("b", BASE[:5])))
    assert (row.p, row.p_smallest) == (0.0625, 0.0625)
    assert (row.verdict, row.not_met) == ("not distinguishable", "p")


def test_ranks_and_means_that_disagree_give_no_verdict() -> None:
    """Most cases a little worse and some much better: significant ranks, and a mean on the other side."""
    differences = np.concatenate([np.full(45, -0.01), np.full(8, 0.5)]) + RNG.normal(0, 1e-4, 53)
    row = found(("a", 0.5 + differences[:, None]), ("b", np.full((53, 1), 0.5))).rows[1]
    assert row.difference > 0
    assert row.low_95 > 0
    assert row.p_holm < 0.05
    assert (row.verdict, row.not_met) == ("not distinguishable", "direction")


def test_one_case_that_decides_the_mean_gives_no_verdict() -> None:
    """Significant ranks, and an interval around zero because of one case that was lost."""
    differences = np.concatenate([np.full(40, 0.01), [-0.35]]) + RNG.normal(0, 1e-4, 41)
    row = found(("a", 0.5 + differences[:, None]), ("b", np.full((41, 1), 0.5))).rows[1]
    assert row.p_holm < 0.05
    assert (row.verdict, row.not_met) == ("not distinguishable", "interval")


def test_seeds_that_wash_it_out() -> None:
    """Both models' trainings differ among themselves as much as the models do."""
    trainings = [("a", BASE + 0.05 + NOISE), ("a", BASE - 0.01 + NOISE), ("b", BASE), ("b", BASE + 0.001)]
    row = only(found(*trainings))
    assert row.p_holm < 0.05
    assert (row.verdict, row.not_met) == ("not distinguishable", "seeds")
    means = np.array([table.mean() for _, table in trainings]).reshape(2, 2)
    assert row.seed_floor == pytest.approx(2 * math.sqrt(means.var(axis=1, ddof=1).mean()) * math.sqrt(2 / 2))
    quiet = only(found(("a", BASE + 0.05 + NOISE), ("a", BASE + 0.049 + NOISE), *trainings[2:]))
    assert quiet.verdict == "better"


def test_the_fewer_trainings_count() -> None:
    several = [("a", BASE + shift) for shift in (0.0, 0.01, 0.02)]
    findings = found(*several, ("b", BASE))
    assert only(findings).seed_floor == pytest.approx(2 * 0.01 * math.sqrt(2 / 1))
    assert findings.seed_degrees == 2
    assert math.isnan(only(found(("a", BASE), ("b", BASE + 0.1))).seed_floor)


def test_a_class_without_a_seed_floor_gets_no_verdict_when_seeds_are_given() -> None:
    """The repeated model is undefined in the second class, so its spread there is unknown."""
    holes = np.column_stack([BASE[:, 0], np.full(30, math.nan)])
    findings = found(("a", holes), ("a", holes + 0.001), ("b", BASE), ("c", BASE + 0.1 + NOISE))
    row = next(row for row in findings.by_class if (row.first, row.label) == ("b", "class 1"))
    assert (row.verdict, row.not_met) == ("not distinguishable", "seeds")


def test_scores_of_a_case_are_the_mean_over_trainings() -> None:
    row = only(found(("a", BASE), ("a", BASE + 0.1), ("b", BASE + NOISE)))
    assert row.mean_first == pytest.approx(BASE.mean() + 0.05)


def test_cases_of_one_patient_do_not_add_evidence() -> None:
    """Four copies of each case under one patient: the same p and interval as one case each."""
    other = BASE + 0.02 + 4 * NOISE
    alone = found(("a", other), ("b", BASE))
    groups = [str(k) for k in range(30) for _ in range(4)]
    copies = found(("a", np.repeat(other, 4, axis=0)), ("b", np.repeat(BASE, 4, axis=0)), groups=groups)
    for one, row in zip(alone.rows, copies.rows, strict=True):
        assert row.p == pytest.approx(one.p)
        assert row.high_95 - row.low_95 == pytest.approx(one.high_95 - one.low_95, rel=0.02)
        assert (row.n, row.groups) == (120, 30)


def test_a_patient_counts_once_when_asked() -> None:
    scores = np.array([[0.9], [0.9], [0.9], [0.3]])
    arguments = {"groups": ["p", "p", "p", "q"]}
    row = found(("a", scores), ("b", scores * 0), **arguments, unit="group").rows[1]
    assert (row.difference, row.mean_first) == pytest.approx((0.6, 0.6))
    row = found(("a", scores), ("b", scores * 0), **arguments).rows[1]
    assert row.difference == pytest.approx(0.75)


def test_false_positives_are_counted_and_never_rewarded() -> None:
    """The second class is absent from ten cases; a fills it in six of them, b in none."""
    absent = np.zeros((30, 2), dtype=bool)
    absent[:10, 1] = True
    a, b = BASE + NOISE, BASE.copy()
    a[:10, 1], b[:10, 1] = math.nan, math.nan
    a[:6, 1] = 0
    findings = found(("a", a), ("b", b), absent=absent, empty=[np.isnan(a), np.isnan(b)])
    _, first, second = findings.rows
    assert (first.n, first.undefined_both, first.false_positives_first) == (30, 0, 0)
    assert (second.n, second.undefined_both, second.undefined_first, second.undefined_second) == (20, 4, 0, 6)
    assert (second.false_positives_first, second.false_positives_second) == (6, 0)
    row = only(findings)
    assert row.n == 30
    assert row.mean_first == pytest.approx(np.nanmean(a, axis=1).mean())  # as in its own report
    assert row.mean_second == pytest.approx(np.nanmean(b, axis=1).mean())
    assert row.false_positives_first == 6


def test_a_miss_that_a_convention_leaves_undefined_is_left_out_for_both() -> None:
    """The model that misses a hard class must not gain in its mean over classes."""
    a, b = BASE.copy(), BASE.copy()
    b[:, 1] = a[:, 1] = 0.2
    a[:5, 1] = [math.nan, math.inf, math.nan, math.inf, math.nan]
    empty = [~np.isfinite(a), np.zeros_like(a, dtype=bool)]
    findings = found(("a", a), ("b", b), empty=empty)
    row = only(findings)
    assert (row.difference, row.n, row.false_negatives_first) == (0, 30, 5)
    assert (findings.rows[2].n, findings.rows[2].undefined_first) == (25, 5)


def test_holm_counts_the_mean_apart_from_the_classes() -> None:
    tables = [("a", BASE + 0.02 + 5 * NOISE), ("b", BASE), ("c", BASE + 0.01 - 5 * NOISE)]
    findings = found(*tables)
    assert len(findings.overall) == 3
    assert len(findings.by_class) == 6
    for rows in (findings.overall, findings.by_class):
        least = min(rows, key=lambda row: row.p)
        assert least.p_holm == pytest.approx(min(1, least.p * len(rows)))
    assert findings.ranks is not None
    assert findings.ranks.n == 30


def test_a_class_that_is_never_defined_and_a_single_case() -> None:
    holes: FloatArray = np.column_stack([BASE[:, 0], np.full(30, math.nan)])
    absent = np.isnan(holes)
    findings = found(("a", holes), ("b", holes + 0.1), absent=absent, empty=[absent, absent])
    assert findings.rows[2].n == 0
    assert math.isnan(findings.rows[2].p_holm)
    assert findings.rows[2].verdict == "not distinguishable"
    assert findings.rows[1].p_holm == findings.rows[1].p
    assert only(found(("a", BASE[:1]), ("b", BASE[:1] + 0.1))).verdict == "not distinguishable"
