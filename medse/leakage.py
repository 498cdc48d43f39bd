"""What it is worth to have seen the patient: one model under three ways of telling training and validation apart."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from medse.arrays import FloatArray
from medse.config.classification import ClassificationConfig
from medse.config.run import Config, load_config
from medse.errors import InputError
from medse.evaluate.classification import score_dataset
from medse.files import given_path, refuse_existing, write_json
from medse.metrics.classification.measures import Classified, Measures
from medse.metrics.classification.paired_tests import two_proportions
from medse.predict.images import classify_into
from medse.registry import check_arguments
from medse.runs.classification import ClassificationTraining
from medse.runs.trained_classifier import load_classifier
from medse.scores.classification import ClassificationScores
from medse.scores.resampling import case_weights, percentile_interval
from medse.scores.statistics import SEED
from medse.tasks.callbacks.progress import Progress
from medse.train import train_run

GROUPS, IMAGES, RANDOM = "groups", "images", "random_labels"
WAYS = {
    GROUPS: "whole groups (patients) in training or in validation",
    IMAGES: "single images dealt at random: a patient is on both sides",
    RANDOM: "as groups, with the classes dealt to the groups at random: a control that must guess",
}
"""Name of a training -> how its images were told apart."""
SCORES = ("accuracy", "balanced_accuracy", "macro_auc")


@dataclass(frozen=True)
class Gap:
    """By how much a score is higher where images were dealt instead of groups.

    Attributes:
        low_95: Lower end of the 95 % interval; both sets are resampled by groups, independently.
    """

    score: str
    value: float
    low_95: float
    high_95: float


@dataclass(frozen=True)
class Leakage:
    """What :func:`measure_leakage` found.

    Attributes:
        scores: Of each of :data:`WAYS`.
        gaps: Of each of :data:`SCORES`, images minus groups.
        z: Of the two-proportion test of the accuracies, naive as images of a group are not independent.
        p: Its two-sided p value.
    """

    scores: dict[str, ClassificationScores]
    gaps: tuple[Gap, ...]
    z: float
    p: float


@check_arguments()
def measure_leakage(
    config: Config | str | Path,
    out: str | Path,
    *,
    fold: int = 0,
    progress: Callable[[str], Progress | None] = lambda _way: None,
) -> Leakage:
    """Train one model under a split by groups, one by single images and with random classes; score all three.

    Args:
        config: A configuration of task classification, its file, or the name of a packaged one.
        out: Folder for the three runs, their predictions and reports, and ``leakage.json``; new or empty.
        fold: Which fold each validates on.
        progress: Returns for the name of a training what :func:`medse.train_run` calls.

    Raises:
        InputError: As :func:`medse.train_run`; or the configuration is for another task, or has a split that is none
            of groups.

    Example:
        >>> found = measure_leakage("pictures.yaml", "classifier_leakage")
        >>> [gap.score for gap in found.gaps]
        ['accuracy', 'balanced_accuracy', 'macro_auc']
    """
    if not isinstance(config, Config):
        config = load_config(config)
    if not isinstance(config, ClassificationConfig):
        raise InputError(
            f"Leakage is measured for task classification and this configuration is for task {config.task}; give "
            "one that gives images a class."
        )
    if config.data.split == "images" or config.data.random_labels:
        raise InputError(
            "The configuration has data.split=images or data.random_labels=true, which is what is compared with; "
            "expected the split of groups that is to be trusted; leave both out."
        )
    cases = ClassificationTraining(config).cases.cases
    if len({case.group for case in cases}) == len(cases):
        raise InputError(
            f"Every image in {config.data.root} is its own group, so that splits by groups and by images are the "
            "same; leakage shows where images share a patient; give the patients in a column 'group' of a table."
        )
    out = given_path(out)
    refuse_existing(out, "give another output folder (--out)")
    changes: dict[str, dict[str, Any]] = {
        GROUPS: {},
        IMAGES: {"split": "images", "duplicates": "allow"},
        RANDOM: {"random_labels": True},
    }
    scores = {}
    for way, change in changes.items():
        data = config.data.model_copy(update=change)
        scores[way] = _scored(config.model_copy(update={"data": data}), out / way, fold, progress(way))
    classified = {way: _classified(found) for way, found in scores.items()}
    drawn = {
        way: _resampled(classified[way], scores[way], SEED + number)
        for number, way in enumerate((GROUPS, IMAGES))
    }
    gaps = tuple(_gap(name, classified, drawn) for name in SCORES)
    right = {way: int(one.correct.sum()) for way, one in classified.items()}
    z, p = two_proportions(right[IMAGES], right[GROUPS], classified[IMAGES].n, classified[GROUPS].n)
    found = Leakage(scores, gaps, z, p)
    _write(out, found, config, fold)
    return found


def _scored(
    config: ClassificationConfig, folder: Path, fold: int, progress: Progress | None
) -> ClassificationScores:
    """Train a fold, classify its validation images and score them."""
    train_run(config, folder / "run", fold=fold, progress=progress)
    training = ClassificationTraining(config)
    cases = tuple(training.by_id[name] for name in training.folds[fold].validation)
    loaded = load_classifier(folder / "run", device=config.trainer.device)
    classify_into(folder / "predictions", loaded, cases, folder / "run")
    dataset = replace(training.cases, cases=cases)
    return score_dataset(dataset, training.root, folder / "predictions", folder / "report")


def _classified(scores: ClassificationScores) -> Classified:
    reference = np.array([scores.labels.index(row.reference) for row in scores.rows])
    return Classified(reference, np.array([row.probabilities for row in scores.rows]))


def _resampled(classified: Classified, scores: ClassificationScores, seed: int) -> dict[str, FloatArray]:
    groups = [row.group for row in scores.rows]
    parts = [Measures(classified, weights) for weights in case_weights(groups, seed=seed)]
    return {
        name: np.concatenate([getattr(part, name) for part in parts]) if parts else np.full(1, np.nan)
        for name in SCORES
    }


def _gap(name: str, classified: dict[str, Classified], drawn: dict[str, dict[str, FloatArray]]) -> Gap:
    once = {way: float(getattr(classified[way].once(), name)[0]) for way in (GROUPS, IMAGES)}
    low, high = percentile_interval(drawn[IMAGES][name] - drawn[GROUPS][name])
    return Gap(name, once[IMAGES] - once[GROUPS], low, high)


def _write(out: Path, found: Leakage, config: ClassificationConfig, fold: int) -> None:
    facts = {
        "fold": fold,
        "split": config.data.split,
        "trainings": {
            way: {
                "what": WAYS[way],
                "images": scores.n,
                "groups": scores.groups,
                **{name: getattr(scores.overall, name).model_dump() for name in SCORES},
            }
            for way, scores in found.scores.items()
        },
        "images minus groups": {
            gap.score: {"value": gap.value, "low_95": gap.low_95, "high_95": gap.high_95}
            for gap in found.gaps
        },
        "two_proportions": {"z": found.z, "p": found.p, "naive": True},
    }
    write_json(out / "leakage.json", facts)
