"""Every fold of a classifier: each image is classified by the run that did not see it, and all runs make one."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from medse.arrays import FloatArray, IndexArray
from medse.config.classification import ClassificationConfig
from medse.config.run import Config, load_config
from medse.data.images.cases import ImageCase
from medse.errors import InputError
from medse.evaluate.class_cases import OUT_OF_FOLD
from medse.files import given_path, refuse_existing, write_json
from medse.metrics.classification.calibration import log_losses
from medse.metrics.classification.temperature import fit_temperature, with_temperature
from medse.registry import check_arguments
from medse.runs.classification import ClassificationTraining
from medse.runs.directory import RunDir
from medse.runs.resuming import check_data, check_same, length_of
from medse.runs.trained_classifier import ENSEMBLE, load_classifier, weights_digest
from medse.scores.predictions import PREDICTIONS, Predictions, write_predictions
from medse.tasks.callbacks.progress import Progress
from medse.train import train_run

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """What a run says of the images of its fold: logits ``(views, n, K)``; and their classes ``(n,)``."""

    cases: tuple[ImageCase, ...]
    logits: FloatArray
    reference: IndexArray


@check_arguments()
def cross_validate(
    config: Config | str | Path,
    folder: str | Path,
    *,
    resume: bool = False,
    progress: Callable[[int], Progress | None] = lambda _fold: None,
) -> Path:
    """Train all folds of a classifier, one after the other, into ``folder/fold_0``, ``folder/fold_1`` and so on.

    Then every image that a fold validates on is classified by the run of that fold. ``folder/out_of_fold`` holds
    these predictions, the temperature of each fold fitted on those of the other folds, so that no image had a part
    in what is said of it. ``folder/ensemble.json`` makes one classifier of all runs, with the temperature fitted on
    all of these predictions: :func:`medse.load_run` and ``medse predict`` take ``folder`` as a run.

    Args:
        config: The configuration, its file, or the name of a packaged one.
        folder: Where the runs go; must be new or empty unless ``resume``.
        resume: Go on: runs that are complete stay, one that is not is continued, those that lack are trained.
        progress: Returns for a fold what :func:`medse.train_run` calls.

    Returns:
        The table of out-of-fold predictions.

    Raises:
        InputError: As :func:`medse.train_run`; or the configuration is for another task, or the data gives one fold.

    Example:
        >>> cross_validate("pictures.yaml", "classifier_again").as_posix()
        'classifier_again/out_of_fold/predictions.csv'
    """
    if not isinstance(config, Config):
        config = load_config(config)
    if not isinstance(config, ClassificationConfig):
        raise InputError(
            f"All folds at once are for task classification and this configuration is for task {config.task}; train "
            "its folds one by one."
        )
    folder = given_path(folder)
    if not resume:
        refuse_existing(folder, "continue with --resume, or give another run folder (--run)")
    training = ClassificationTraining(config)
    if len(training.folds) < 2:
        raise InputError(
            f"The data in {training.root} gives one fold; two or more are needed to classify every image by a run "
            "that did not see it; give fold numbers, or remove the column split."
        )
    runs = [folder / f"fold_{fold}" for fold in range(len(training.folds))]
    for fold, run in enumerate(runs):
        directory = RunDir(run)
        if directory.weights.is_file():
            check_same(directory, config, fold)
            check_data(directory, training.fingerprint(), training.folds, training.root)
            if length_of(directory) == (config.trainer.max_epochs, config.trainer.max_minutes):
                log.info("%s is complete", run)
                continue
        train_run(config, run, fold=fold, resume=directory.config.is_file(), progress=progress(fold))
    found = [_of_fold(training, fold, run, config.trainer.device) for fold, run in enumerate(runs)]
    return _write(training, folder, runs, found)


def _of_fold(training: ClassificationTraining, fold: int, run: Path, device: str) -> Found:
    loaded = load_classifier(run, device=device)
    cases = tuple(training.by_id[name] for name in training.folds[fold].validation)
    parts = []
    for start in range(0, len(cases), loaded.batch_size):
        some = cases[start : start + loaded.batch_size]
        parts.append(loaded.logits([loaded.loader(case)["image"] for case in some]))
    reference = np.array([loaded.classes.index(case.label) for case in cases])
    return Found(cases, np.concatenate(parts, axis=1), reference)


def _write(training: ClassificationTraining, folder: Path, runs: list[Path], found: list[Found]) -> Path:
    temperatures = [_fit(found[:fold] + found[fold + 1 :]) for fold in range(len(found))]
    overall = _fit(found)
    probabilities = [
        with_temperature(one.logits, temperature)
        for one, temperature in zip(found, temperatures, strict=True)
    ]
    plain = [with_temperature(one.logits, 1.0) for one in found]
    cases = [(case, fold) for fold, one in enumerate(found) for case in one.cases]
    table = folder / OUT_OF_FOLD / PREDICTIONS
    write_predictions(
        table,
        Predictions(
            classes=training.cases.classes,
            cases=tuple(case.id for case, _ in cases),
            images=tuple(str(case.image) for case, _ in cases),
            probabilities=np.concatenate(probabilities),
            folds=tuple(str(fold) for _, fold in cases),
            trained_on=(False,) * len(cases),
        ),
    )
    first = RunDir(runs[0])
    facts: dict[str, Any] = {
        "task": "classification",
        "run": str(folder.resolve()),
        "split": {
            **first.read_split_facts(training.config),
            "fold": "all",
            "trained on": "the images of the other folds",
            "temperature": ", ".join(f"{one:.3g}" for one in temperatures)
            + ", of each fold fitted on the others",
            "validated on": "every image once, by the run that was not trained on it",
        },
        "duplicates": _duplicates(runs),
        "temperature_of_fold": temperatures,
    }
    write_json(folder / OUT_OF_FOLD / "prediction.json", facts)
    ensemble: Mapping[str, Any] = {
        "runs": {run.name: weights_digest(run) for run in runs},
        "temperature": overall,
        "log_loss": {
            "as trained": _log_loss(found, plain),
            "temperature of the other folds": _log_loss(found, probabilities),
        },
    }
    write_json(folder / ENSEMBLE, ensemble)
    return table


def _fit(found: list[Found]) -> float:
    logits = np.concatenate([one.logits for one in found], axis=1)
    return fit_temperature(logits, np.concatenate([one.reference for one in found]))


def _log_loss(found: list[Found], probabilities: list[FloatArray]) -> float:
    reference = np.concatenate([one.reference for one in found])
    return float(log_losses(reference, np.concatenate(probabilities)).mean())


def _duplicates(runs: list[Path]) -> list[dict[str, str]] | None:
    """Return the pairs that the runs found across their splits, each once; None where one did not look."""
    pairs: dict[tuple[str, ...], dict[str, str]] = {}
    for run in runs:
        found = RunDir(run).read_duplicates()
        if found is None:
            return None
        pairs |= {tuple(sorted((one["one"], one["other"]))): one for one in found}
    return list(pairs.values())
