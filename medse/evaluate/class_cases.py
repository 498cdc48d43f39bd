"""Which class each case is, and which prediction belongs to it."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path

from medse.data.images.cases import TEST, ImageCase, ImageDataset
from medse.data.images.readers import IMAGE_READERS
from medse.errors import InputError, count, nearest, some
from medse.scores.predictions import PREDICTIONS, Predictions

OUT_OF_FOLD = "out_of_fold"
"""Folder of the predictions of all images, each by the run that was not trained on its group."""

TABLE = "cases.csv"
"""The table of a data set, where its folder is given."""


def is_predictions(path: Path) -> bool:
    """Whether a path holds probabilities of classes: a CSV file, or a folder with :data:`PREDICTIONS`.

    Raises:
        InputError: It is a folder of runs, which hold them elsewhere.
    """
    if (path / OUT_OF_FOLD / PREDICTIONS).is_file():
        raise InputError(
            f"{path} holds the runs of all folds and no {PREDICTIONS}; that of every image, by the run that did not "
            f"see it, is in {path / OUT_OF_FOLD}; give this folder."
        )
    return (path.is_file() and path.suffix.lower() == ".csv") or (path / PREDICTIONS).is_file()


def predictions_file(path: Path) -> Path:
    """Return the table itself."""
    return path / PREDICTIONS if path.is_dir() else path


def image_root(references: Path) -> Path:
    """Return the folder that the paths of images are relative to."""
    return references if references.is_dir() else references.parent


def read_references(path: Path, columns: Mapping[str, str]) -> ImageDataset:
    """Read the class of each case: from a table, a folder with ``cases.csv``, or a folder for each class.

    Args:
        columns: Which column of a table holds what, as of its reader, where it is not the one named so.

    Raises:
        InputError: There is no such thing, or it cannot be read.
    """
    if not path.exists():
        raise InputError(
            f"{path} does not exist; a table with the columns image and label, or a folder for each class, is "
            "expected; give the references."
        )
    if path.is_dir() and not (path / TABLE).is_file():
        return IMAGE_READERS["class_folders"](path, None)
    if path.is_file() and path.suffix.lower() != ".csv":
        raise InputError(
            f"{path} is no table; the predictions are probabilities of classes, whose references are a CSV file with "
            "the columns image and label, or a folder for each class; give one of them."
        )
    return IMAGE_READERS["csv"](
        image_root(path), None, file=path.name if path.is_file() else TABLE, **columns
    )


def pair_cases(
    references: Path, dataset: ImageDataset, predictions: Predictions, only: Collection[str] | None
) -> list[tuple[ImageCase, int]]:
    """Return each case with the position of its prediction, sorted by id.

    Args:
        references: Where the data set was read from, for messages.
        only: Case ids to keep; without it every case needs its prediction and every prediction its case.

    Raises:
        InputError: A prediction is missing, or extra; the list names a case that there is not; or a case has a class
            that was not predicted.
    """
    place = {case: k for k, case in enumerate(predictions.cases)}
    known = {case.id: case for case in dataset.cases}
    if unknown := [case for case in only or () if case not in known]:
        raise InputError(
            f"{references} has no {count(unknown, 'case', 'cases')} of the list: {some(unknown)}; correct the list "
            "of cases."
        )
    kept = [case for case in dataset.cases if only is None or case.id in only]
    if only is None and predictions.folds:  # of all folds, which leave test cases aside
        kept = [case for case in kept if case.fold != TEST or case.id in place]
    extra = [case for case in predictions.cases if case not in known and only is None]
    missing = [case.id for case in kept if case.id not in place]
    if missing:
        but = (
            f" (but {count(extra, 'prediction', 'predictions')} without one: {some(extra)})" if extra else ""
        )
        raise InputError(
            f"There is no prediction for {len(missing)} of {len(kept)} cases of {references}: {some(missing)}{but}; "
            "predict these too, or name those to score with --cases."
        )
    if extra:
        raise InputError(
            f"{count(extra, 'prediction is', 'predictions are')} without a case in {references}: {some(extra)}; "
            "remove what is extra, or name the cases to score with --cases."
        )
    if strange := next((case for case in kept if case.label not in predictions.classes), None):
        raise InputError(
            f"Case {strange.id} of {references} is of the class {strange.label!r};"
            f"{nearest(strange.label, predictions.classes)} predicted were {', '.join(predictions.classes)}; correct "
            "the reference, or predict with a model that knows the class."
        )
    return [(case, place[case.id]) for case in kept]


def groups_of(cases: Collection[ImageCase], listed: Mapping[str, str] | None) -> dict[str, str]:
    """Return the group of each case: that of the list where it names one, else that of the references."""
    named = {case: group for case, group in (listed or {}).items() if group != case}
    return {case.id: named.get(case.id, case.group) for case in cases}


def image_folder(references: Path, dataset: ImageDataset) -> Path:
    """Return the folder below which all images lie: that of the references, or the deepest that holds them."""
    root = image_root(references).absolute()
    folders = [case.image.absolute().parent for case in dataset.cases]
    return root if all(one.is_relative_to(root) for one in folders) else Path(os.path.commonpath(folders))
