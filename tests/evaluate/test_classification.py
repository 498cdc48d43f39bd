"""``evaluate_predictions``: numbers against scikit-learn and a plain bootstrap, files, corner cases, refusals."""

import json
import math

import numpy as np
import pytest
from sklearn import metrics as sk

from medse.config.classification_scoring import ClassificationEvaluation
from medse.errors import InputError
from medse.evaluate.classification import evaluate_predictions
from medse.metrics.classification.delong import delong, delong_interval
from medse.scores.classification import read_classification
from medse.scores.predictions import Predictions, write_predictions
from tests.support.made_up_classes import CLASSES, evaluated, probabilities, write_predicted, write_table

LABELS = np.random.default_rng(0).integers(0, 3, 60)
GROUPS = [f"g{k // 3}" for k in range(60)]
TABLE = probabilities(LABELS, 1)


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    options = ClassificationEvaluation(threshold=0.3, decision_curve=True)
    return evaluated(folder, LABELS, TABLE, GROUPS, options=options)


@pytest.fixture(scope="module")
def scores(report):
    return read_classification(report)


def test_overall(scores):
    predicted, overall = TABLE.argmax(axis=1), scores.overall
    one_hot = np.eye(3)[LABELS]
    for found, expected in (
        (overall.accuracy, sk.accuracy_score(LABELS, predicted)),
        (overall.balanced_accuracy, sk.balanced_accuracy_score(LABELS, predicted)),
        (overall.macro_auc, sk.roc_auc_score(LABELS, TABLE, multi_class="ovr")),
        (overall.macro_average_precision, sk.average_precision_score(one_hot, TABLE)),
        (overall.log_loss, sk.log_loss(LABELS, TABLE)),
        (overall.brier, ((one_hot - TABLE) ** 2).sum(axis=1).mean()),
    ):
        assert found.value == pytest.approx(expected, abs=1e-12)
        assert found.low_95 < found.value < found.high_95
    assert scores.confusion == tuple(map(tuple, sk.confusion_matrix(LABELS, predicted).tolist()))
    assert (scores.n, scores.groups, scores.settings.grouped) == (60, 20, True)
    assert "groups drawn whole" in scores.settings.interval_method


def test_each_class(scores):
    for k, one in enumerate(scores.classes):
        positive = np.equal(LABELS, k)
        assert (one.label, one.n) == (CLASSES[k], positive.sum())
        assert one.predicted == (TABLE.argmax(axis=1) == k).sum()
        assert one.groups == len({g for g, p in zip(GROUPS, positive, strict=True) if p})
        assert one.auc.value == pytest.approx(sk.roc_auc_score(positive, TABLE[:, k]), abs=1e-12)
        assert one.average_precision.value == pytest.approx(
            sk.average_precision_score(positive, TABLE[:, k]), abs=1e-12
        )
        assert one.brier.value == pytest.approx(sk.brier_score_loss(positive, TABLE[:, k]), abs=1e-12)
        for by, called in (
            (one.most_probable, TABLE.argmax(axis=1) == k),
            (one.at_threshold, TABLE[:, k] >= 0.3),
        ):
            assert by.sensitivity.value == pytest.approx(sk.recall_score(positive, called))
            assert by.specificity.value == pytest.approx(sk.recall_score(~positive, ~called))
            assert by.ppv.value == pytest.approx(sk.precision_score(positive, called))
            assert by.npv.value == pytest.approx(sk.precision_score(~positive, ~called))
            assert by.true_positives == (positive & called).sum()
            assert by.true_negatives == (~positive & ~called).sum()
        auc, covariance = delong(positive, TABLE[None, :, k])
        assert (one.auc_delong.low_95, one.auc_delong.high_95) == delong_interval(auc[0], covariance[0, 0])
        assert np.trapezoid(one.roc.y, one.roc.x) == pytest.approx(one.auc.value)
        assert one.precision_recall.x[-1] == 1
        assert one.decision_curve.every.y[29] == pytest.approx(
            positive.mean() - (1 - positive.mean()) * 0.3 / 0.7
        )
        hits, alarms = one.at_threshold.true_positives, one.at_threshold.false_positives
        assert one.decision_curve.model.y[29] == pytest.approx((hits - alarms * 0.3 / 0.7) / 60)


def test_the_interval_is_that_of_a_loop_over_drawn_groups(scores):
    rng = np.random.default_rng(5)
    members = [[k for k in range(60) if GROUPS[k] == name] for name in dict.fromkeys(GROUPS)]
    found = []
    for _ in range(700):
        cases = [k for g in rng.integers(0, 20, 20) for k in members[g]]
        found.append(sk.roc_auc_score(LABELS[cases], TABLE[cases], multi_class="ovr"))
    low, high = np.quantile(found, [0.025, 0.975])
    width = high - low
    assert scores.overall.macro_auc.low_95 == pytest.approx(low, abs=0.1 * width)
    assert scores.overall.macro_auc.high_95 == pytest.approx(high, abs=0.1 * width)


def test_calibration(scores):
    kept = [one for one in scores.calibration if one.n]
    assert len(scores.calibration) == 15
    assert sum(one.n for one in kept) == 60
    error = sum(one.n * abs(one.accuracy - one.confidence) for one in kept) / 60
    assert scores.overall.calibration_error.value == pytest.approx(error, abs=1e-12)


def test_cases_and_mistakes(scores, report):
    assert [row.case for row in scores.rows] == [f"case_{k:03}" for k in range(60)]
    row = scores.rows[7]
    assert (row.group, row.image, row.reference) == ("g2", "case_007.png", CLASSES[LABELS[7]])
    assert row.probabilities == tuple(TABLE[7])
    wrong = scores.mistakes
    assert len(wrong) == 60 - np.trace(scores.confusion)
    assert [one.confidence for one in wrong] == sorted((one.confidence for one in wrong), reverse=True)
    assert all(one.reference != one.predicted for one in wrong)
    assert (report / "cases.csv").read_text().splitlines()[0].endswith("p_cyst,p_glioma,p_none")
    assert str(report.parent) not in (report / "classification.json").read_text()


def test_a_class_that_no_case_has_is_in_no_mean(tmp_path):
    labels = LABELS % 2
    scores = read_classification(evaluated(tmp_path, labels, TABLE, GROUPS))
    absent = scores.classes[2]
    by = absent.most_probable
    assert absent.n == 0
    assert np.isnan([absent.auc.value, absent.average_precision.value, by.sensitivity.value]).all()
    assert absent.roc.x == ()
    assert absent.precision_recall.x == ()
    assert by.specificity.value < 1
    assert scores.overall.macro_auc.value == pytest.approx(
        np.mean([one.auc.value for one in scores.classes[:2]])
    )
    assert scores.overall.balanced_accuracy.value == pytest.approx(
        np.mean([one.most_probable.sensitivity.value for one in scores.classes[:2]])
    )
    assert math.isfinite(scores.overall.macro_auc.low_95)


def test_all_cases_of_one_class_and_one_group(tmp_path):
    references = write_table(tmp_path / "r", LABELS, ["p"] * 60)
    only = [f"case_{k:03}" for k in range(60) if LABELS[k] == 1]
    (tmp_path / "cases.txt").write_text("\n".join(only))
    scores = evaluate_predictions(
        references, write_predicted(tmp_path / "p", TABLE), tmp_path / "out", tmp_path / "cases.txt"
    )
    assert (scores.n, scores.groups, scores.settings.cases_file) == (len(only), 1, "cases.txt")
    assert math.isnan(scores.overall.macro_auc.value)
    assert scores.overall.accuracy.value == scores.overall.balanced_accuracy.value
    assert math.isnan(scores.overall.accuracy.low_95)
    assert scores.classes[1].roc.x == ()
    assert read_classification(tmp_path / "out").n == len(only)


def test_two_classes_with_certain_probabilities(tmp_path):
    references = write_table(tmp_path / "r", [0, 0, 1, 1])
    predicted = write_predicted(tmp_path / "p", [[1, 0], [0, 1], [0, 1], [0, 1]], CLASSES[:2])
    scores = evaluate_predictions(references, predicted, tmp_path / "out")
    assert scores.overall.accuracy.value == 0.75
    assert [one.auc.value for one in scores.classes] == [0.75, 0.75]
    assert scores.overall.log_loss.value == pytest.approx(-math.log(np.finfo(float).eps) / 4)
    assert "groups" not in scores.settings.interval_method
    assert not scores.settings.grouped
    assert scores.overall.macro_auc.undefined > 0


def test_a_group_that_holds_a_class_alone_is_missing_in_some_resamples(tmp_path):
    groups = ["only" if label == 2 else f"g{k}" for k, label in enumerate(LABELS)]
    scores = read_classification(evaluated(tmp_path, LABELS, TABLE, groups))
    assert scores.classes[2].groups == 1
    share = scores.classes[2].auc.undefined / 10_000
    assert share == pytest.approx((1 - 1 / scores.groups) ** scores.groups, abs=0.02)
    assert scores.overall.macro_auc.undefined == scores.classes[2].auc.undefined
    assert scores.classes[0].auc.undefined == 0


def test_groups_of_the_list_replace_those_of_the_references(tmp_path):
    lines = [f"case_{k:03}\tpatient_{k // 6}" for k in range(60)]
    (tmp_path / "cases.txt").write_text("\n".join(lines))
    scores = read_classification(evaluated(tmp_path, LABELS, TABLE, cases=tmp_path / "cases.txt"))
    assert (scores.groups, scores.rows[-1].group) == (10, "patient_9")


def test_class_folders(tmp_path):
    for k, label in enumerate(LABELS[:9]):
        folder = tmp_path / "r" / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{k}.png").write_bytes(b"")
    names = sorted(f"{CLASSES[label]}_{k}" for k, label in enumerate(LABELS[:9]))
    lines = [f"{name},{int('cyst' in name)},{int('glioma' in name)},{int('none' in name)}" for name in names]
    (tmp_path / "p.csv").write_text("\n".join(["case,p_cyst,p_glioma,p_none", *lines]))
    scores = evaluate_predictions(tmp_path / "r", tmp_path / "p.csv", tmp_path / "out")
    assert scores.overall.accuracy.value == 1
    assert scores.rows[0].image == f"{scores.rows[0].reference}/{scores.rows[0].case.rpartition('_')[2]}.png"


def test_the_record_beside_the_predictions(tmp_path):
    references, predicted = write_table(tmp_path / "r", LABELS), write_predicted(tmp_path / "p", TABLE)
    record = {
        "task": "classification", "split": {"method": "contiguous", "folds": 5}, "temperature": 1.5,
        "duplicates": [{"one": "a", "other": "b", "kind": "similar", "how": "mirrored"}],
    }  # fmt: skip
    (predicted / "prediction.json").write_text(json.dumps(record))
    scores = evaluate_predictions(references, predicted, tmp_path / "out")
    assert scores.split == {"method": "contiguous", "folds": "5"}
    assert (scores.temperature, scores.duplicates[0].how) == (1.5, "mirrored")
    assert read_classification(tmp_path / "out").duplicates == scores.duplicates
    (predicted / "prediction.json").write_text('{"duplicates": [1]}')
    with pytest.raises(InputError, match=r"prediction\.json"):
        evaluate_predictions(references, predicted, tmp_path / "again")


def test_folds_of_the_predictions_are_kept(tmp_path):
    names, folds = tuple(f"case_{k:03}" for k in range(60)), tuple(str(k % 5) for k in range(60))
    given = Predictions(CLASSES, names, ("",) * 60, TABLE, folds)
    write_predictions(tmp_path / "p.csv", given)
    scores = evaluate_predictions(write_table(tmp_path / "r", LABELS), tmp_path / "p.csv", tmp_path / "out")
    assert tuple(row.fold for row in scores.rows) == folds
    assert read_classification(tmp_path / "out").rows == scores.rows


def test_without_a_record_nothing_is_known(scores):
    assert scores.split == {}
    assert scores.duplicates is None
    assert scores.temperature is None


def refused(tmp_path, words, cases=None, table=TABLE, labels=LABELS, first=0, classes=CLASSES):
    references = write_table(tmp_path / "r", labels)
    predicted = write_predicted(tmp_path / "p", table, classes, first)
    listed = None
    if cases:
        listed = tmp_path / "cases.txt"
        listed.write_text(cases)
    with pytest.raises(InputError) as refusal:
        evaluate_predictions(references, predicted, tmp_path / "out", listed)
    assert not (tmp_path / "out").exists()
    for word in words:
        assert word in str(refusal.value)


def test_a_missing_prediction(tmp_path):
    refused(tmp_path, ["no prediction", "case_059", "--cases"], table=TABLE[:-1])


def test_an_extra_prediction(tmp_path):
    refused(tmp_path, ["case_059", "without a case"], labels=LABELS[:-1])


def test_other_names(tmp_path):
    refused(tmp_path, ["case_000", "case_060"], first=1)


def test_an_unknown_class(tmp_path):
    refused(tmp_path, ["'glioma'", "gliomas"], classes=("cyst", "gliomas", "none"))


def test_an_unknown_case_in_the_list(tmp_path):
    refused(tmp_path, ["case_999"], cases="case_001\ncase_999")


def test_references_that_are_no_table(tmp_path):
    predicted = write_predicted(tmp_path / "p", TABLE)
    for what in ("nothing", "labels.nii.gz"):
        if what != "nothing":
            (tmp_path / what).write_bytes(b"")
        with pytest.raises(InputError, match=what):
            evaluate_predictions(tmp_path / what, predicted, tmp_path / "out")


@pytest.mark.parametrize("damage", ["half", "other form", "no json", "fewer rows"])
def test_a_damaged_report_is_refused(tmp_path, report, damage):
    summary = (report / "classification.json").read_text()
    table = (report / "cases.csv").read_text()
    if damage == "half":
        table = table[: len(table) // 2].rpartition(",")[0]
    if damage == "other form":
        summary = summary.replace('"form": 1', '"form": 9')
    if damage == "no json":
        summary = summary[:100]
    if damage == "fewer rows":
        table = table.rpartition("case_059")[0]
    (tmp_path / "classification.json").write_text(summary)
    (tmp_path / "cases.csv").write_text(table)
    with pytest.raises(InputError, match="medse evaluate"):
        read_classification(tmp_path)
