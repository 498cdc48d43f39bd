"""One model under three ways of telling training and validation apart."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from medse.cli.tables.leakage import leakage_table
from medse.config.classification import ClassificationConfig
from medse.config.run import load_config
from medse.data.splits import Split
from medse.errors import InputError
from medse.leakage import Leakage, measure_leakage
from medse.runs.directory import RunDir
from tests.support.pictures import write_picture_config, write_pictures


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> ClassificationConfig:
    root = write_pictures(tmp_path_factory.mktemp("pictures"), groups=4, each=3)
    found = load_config(write_picture_config(root / "small.yaml", root), ["trainer.max_epochs=1"])
    assert isinstance(found, ClassificationConfig)
    return found


@pytest.fixture(scope="module")
def found(config: ClassificationConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Leakage, Path]:
    out = tmp_path_factory.mktemp("leakage") / "out"
    return measure_leakage(config, out, fold=1), out


def split_of(out: Path, way: str) -> Split:
    return RunDir(out / way / "run").read_folds()[1]


def test_the_ways_differ_in_their_splits_and_classes_alone(found: tuple[Leakage, Path]) -> None:
    leakage, out = found
    assert split_of(out, "groups") == split_of(out, "random_labels") != split_of(out, "images")

    def group(name: str) -> str:
        return name[:-1]

    for way, shared in (("groups", False), ("images", True)):
        split = split_of(out, way)
        both = set(map(group, split.training)) & set(map(group, split.validation))
        assert bool(both) == shared, way
    truth = {row.case: row.reference for row in leakage.scores["groups"].rows}
    control = {row.case: row.reference for row in leakage.scores["random_labels"].rows}
    assert truth.keys() == control.keys()
    assert truth != control
    assert leakage.scores["images"].split["groups when dealt"] == "ignored"


def test_the_gap_is_the_difference_of_what_is_reported(found: tuple[Leakage, Path]) -> None:
    leakage, out = found
    written = json.loads((out / "leakage.json").read_text())
    for gap in leakage.gaps:
        one, other = (getattr(leakage.scores[way].overall, gap.score).value for way in ("images", "groups"))
        assert gap.value == pytest.approx(one - other)
        assert gap.low_95 <= gap.value <= gap.high_95
        assert written["images minus groups"][gap.score]["value"] == pytest.approx(gap.value)
    rows = leakage.scores["images"].rows
    truth = [row.reference for row in rows]
    expected = roc_auc_score(truth, [row.probabilities for row in rows], multi_class="ovr")
    assert written["trainings"]["images"]["macro_auc"]["value"] == pytest.approx(expected)
    right = {
        way: [row.predicted == row.reference for row in leakage.scores[way].rows]
        for way in ("images", "groups")
    }
    p, q = np.mean(right["images"]), np.mean(right["groups"])
    n, m = len(right["images"]), len(right["groups"])
    pooled = (n * p + m * q) / (n + m)
    z = 0.0 if p == q else (p - q) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    assert leakage.z == pytest.approx(z)


def test_the_table_names_all_three(found: tuple[Leakage, Path]) -> None:
    table = leakage_table(found[0])
    assert [column.header for column in table.columns] == [
        "score",
        "groups",
        "images",
        "random labels",
        "images - groups",
    ]


@pytest.mark.parametrize("change", [{"split": "images"}, {"random_labels": True}])
def test_what_is_compared_with_must_be_trusted(
    config: ClassificationConfig, tmp_path: Path, change: dict[str, object]
) -> None:
    changed = config.model_copy(update={"data": config.data.model_copy(update=change)})
    with pytest.raises(InputError, match="split of groups"):
        measure_leakage(changed, tmp_path / "out")
    with pytest.raises(InputError, match="task segmentation"):
        measure_leakage("quickstart.yaml", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_groups_there_is_nothing_to_measure(config: ClassificationConfig, tmp_path: Path) -> None:
    with (config.data.root / "cases.csv").open() as file:
        rows = list(csv.DictReader(file))
    root = config.data.root
    lines = [f"{root / row['image']},{root / row['mask']},{row['label']}" for row in rows]
    (tmp_path / "cases.csv").write_text("\n".join(["image,mask,label", *lines]))
    data = config.data.model_copy(update={"root": tmp_path})
    with pytest.raises(InputError, match="own group"):
        measure_leakage(config.model_copy(update={"data": data}), tmp_path / "out")
