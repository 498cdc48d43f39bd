"""``compare_classifiers``: differences, intervals and p by a plain bootstrap, verdicts, seeds, refusals."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as sk

from medse.compare.classification import beside_tests, bootstrap_p, compare_classifiers, compare_scores
from medse.compare.classification_result import COMPARED
from medse.compare.classification_wording import cautions, results, seeds
from medse.compare.compare import compare_reports
from medse.compare.ranks import holm
from medse.errors import InputError
from medse.metrics.classification.measures import Classified
from medse.metrics.classification.paired_tests import mcnemar, two_proportions
from tests.support.made_up_classes import CLASSES, evaluated, probabilities

LABELS = np.random.default_rng(0).integers(0, 3, 90)
GROUPS = [f"g{k // 3}" for k in range(90)]
GOOD, ALSO, POOR = (probabilities(LABELS, seed, gain) for seed, gain in ((1, 3), (2, 3), (3, 0.7)))


def found(groups=GROUPS, labels=LABELS, **models):
    """Compare trainings of models, given as name=[probabilities, ...]."""
    trainings = {name: [Classified(labels, table) for table in its] for name, its in models.items()}
    return {row.score: row for row in compare_scores(trainings, groups)}


def test_differences_and_intervals_are_those_of_a_loop():
    rows = found(good=[GOOD], poor=[POOR])
    members = [[k for k in range(90) if GROUPS[k] == name] for name in dict.fromkeys(GROUPS)]
    rng = np.random.default_rng(9)

    def scores(cases):
        both = []
        for table in (GOOD, POOR):
            reference, predicted = LABELS[cases], table[cases].argmax(axis=1)
            both.append([
                sk.accuracy_score(reference, predicted),
                sk.balanced_accuracy_score(reference, predicted),
                sk.roc_auc_score(reference, table[cases], multi_class="ovr"),
            ])  # fmt: skip
        return np.subtract(*both)

    drawn = np.array([
        scores([k for g in rng.integers(0, len(members), len(members)) for k in members[g]])
        for _ in range(200)
    ])  # fmt: skip
    for k, score in enumerate(COMPARED):
        row = rows[score]
        assert row.difference == pytest.approx(scores(np.arange(90))[k], abs=1e-12)
        low, high = np.quantile(drawn[:, k], [0.025, 0.975])
        assert row.low_95 == pytest.approx(low, abs=0.2 * (high - low))
        assert row.high_95 == pytest.approx(high, abs=0.2 * (high - low))
        assert (row.n, row.groups, row.verdict) == (90, 30, "better")
        assert row.p == pytest.approx(2 / 10001)
    assert [row.p_holm for row in rows.values()] == pytest.approx(
        holm(np.array([r.p for r in rows.values()]))
    )


def test_the_other_way_round_is_worse():
    for row in found(poor=[POOR], good=[GOOD]).values():
        assert (row.verdict, row.not_met) == ("worse", "")
        assert row.high_95 < 0


def test_alike_models_are_not_distinguishable():
    for row in found(one=[GOOD], other=[ALSO]).values():
        assert row.verdict == "not distinguishable"
        assert "interval" in row.not_met
        assert row.p_holm > 0.05
    same = found(one=[GOOD], other=[GOOD])["accuracy"]
    assert (same.difference, same.p, same.low_95) == (0, 1, 0)


def test_bootstrap_p():
    differences = np.array([*[0.1] * 96, 0.0, -0.1, -0.2, np.nan])
    assert bootstrap_p(differences) == pytest.approx(2 * 4 / 100)
    assert bootstrap_p(-differences) == bootstrap_p(differences)
    assert bootstrap_p(np.zeros(9)) == 1
    assert math.isnan(bootstrap_p(np.array([])))


def test_one_group_gives_no_verdict():
    for row in found(["p"] * 90, good=[GOOD], poor=[POOR]).values():
        assert math.isnan(row.p_holm)
        assert math.isnan(row.low_95)
        assert row.verdict == "not distinguishable"


def test_a_difference_within_the_spread_of_seeds_is_none():
    again = probabilities(LABELS, 4, 0.4)
    rows = found(good=[GOOD, again], poor=[POOR])
    row = rows["accuracy"]
    shares = [np.mean(table.argmax(axis=1) == LABELS) for table in (GOOD, again)]
    assert row.mean_first == pytest.approx(np.mean(shares))
    assert row.seed_floor == pytest.approx(2 * np.std(shares, ddof=1) * math.sqrt(2))
    assert "seeds" in row.not_met
    assert row.verdict == "not distinguishable"
    assert math.isnan(found(good=[GOOD], poor=[POOR])["accuracy"].seed_floor)


def test_copies_of_a_case_in_its_group_add_no_evidence():
    alone = found(list(map(str, range(90))), good=[GOOD], poor=[POOR])
    groups = [str(k) for k in range(90) for _ in range(4)]
    copies = found(
        groups, np.repeat(LABELS, 4), good=[np.repeat(GOOD, 4, axis=0)], poor=[np.repeat(POOR, 4, axis=0)]
    )
    for score in COMPARED:
        widths = [row[score].high_95 - row[score].low_95 for row in (alone, copies)]
        assert widths[0] == pytest.approx(widths[1], rel=0.03)


def test_beside_the_verdict():
    one, other = Classified(LABELS, GOOD), Classified(LABELS, POOR)
    tests = beside_tests("good", "poor", one, other, CLASSES)
    right = [table.argmax(axis=1) == LABELS for table in (GOOD, POOR)]
    by_hand = mcnemar(*right)
    assert (tests.only_first, tests.mcnemar_exact_p) == (by_hand.only_first, by_hand.exact_p)
    assert tests.proportions_p == two_proportions(right[0].sum(), right[1].sum(), 90, 90)[1]
    assert [one.label for one in tests.delong] == list(CLASSES)
    for k, test in enumerate(tests.delong):
        assert test.auc_first == pytest.approx(sk.roc_auc_score(np.equal(LABELS, k), GOOD[:, k]))
        assert (test.z > 0) == (test.auc_first > test.auc_second)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    return {
        name: evaluated(folder, LABELS, table, GROUPS, name)
        for name, table in (("good", GOOD), ("also", ALSO), ("poor", POOR))
    }


def test_files_and_words(reports, tmp_path):
    comparison = compare_classifiers([f"a={reports['good']}", str(reports["poor"])], tmp_path / "out")
    assert [model.name for model in comparison.models] == ["a", "poor"]
    content = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert content["task"] == "classification"
    assert len((tmp_path / "out" / "comparison.csv").read_text().splitlines()) == 4
    assert "McNemar" in (tmp_path / "out" / "comparison.html").read_text()
    (sentence,) = results(comparison)
    assert sentence.count("better in") == 3
    assert "not checked" in seeds(comparison)
    assert any("naive" in caution for caution in cautions(comparison))
    assert comparison.naive


def test_three_models_and_a_second_training(reports, tmp_path):
    arguments = [f"a={reports['good']}", f"a={reports['also']}", f"b={reports['poor']}"]
    comparison = compare_classifiers(arguments, tmp_path / "out")
    assert (len(comparison.rows), comparison.seed_degrees) == (3, 1)
    assert len(comparison.models[0].macro_auc) == 2
    assert "was checked" in seeds(comparison)
    three = compare_classifiers([str(folder) for folder in reports.values()], tmp_path / "three")
    assert (len(three.rows), len(three.beside), len(results(three))) == (9, 3, 3)


@pytest.mark.parametrize("what", ["case", "class", "group", "reference", "same", "segmentation"])
def test_refused(reports, tmp_path, what):
    labels, table, groups, first, word = LABELS, ALSO, GROUPS, "a", what
    if what == "case":
        labels, table, groups = LABELS[1:], ALSO[1:], GROUPS[1:]
        word = "case_089"
    if what == "group":
        groups = ["other", *GROUPS[1:]]
    if what == "reference":
        labels = np.array([(LABELS[0] + 1) % 3, *LABELS[1:]])
    if what == "same":
        table, first, word = GOOD, "b", "same probabilities"
    other = evaluated(tmp_path, labels, table, groups, "other")
    if what == "class":
        for name in ("classification.json", "cases.csv"):
            text = (other / name).read_text()
            (other / name).write_text(text.replace("cyst", "cysts"))
        word = "cysts"
    if what == "segmentation":
        (other / "classification.json").rename(other / "scores.json")
        word = "label maps"
    extra = [f"c={reports['poor']}"] if what == "same" else []
    with pytest.raises(InputError, match=word):
        compare_classifiers([f"{first}={reports['good']}", f"b={other}", *extra], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_does_not_exist_is_named(reports, tmp_path):
    with pytest.raises(InputError, match="absent does not exist"):
        compare_classifiers([str(reports["good"]), str(tmp_path / "absent")], tmp_path / "out")


def test_as_label_maps_they_are_refused(reports, tmp_path):
    with pytest.raises(InputError, match="classifier"):
        compare_reports([str(folder) for folder in reports.values()], tmp_path / "out")


def test_columns_in_another_order_are_lined_up(reports, tmp_path):
    """A model that was trained with the classes in another order has the same scores."""
    other = evaluated(tmp_path, LABELS, ALSO, GROUPS, "other")
    lines = [line.split(",") for line in (other / "cases.csv").read_text().splitlines()]
    (other / "cases.csv").write_text("\n".join(",".join([*cells[:-3], *cells[:-4:-1]]) for cells in lines))
    summary = json.loads((other / "classification.json").read_text())
    summary["classes"].reverse()
    (other / "classification.json").write_text(json.dumps(summary))
    comparison = compare_classifiers([f"a={reports['also']}", f"b={other}"], tmp_path / "out")
    assert all(row.difference == 0 for row in comparison.rows)
