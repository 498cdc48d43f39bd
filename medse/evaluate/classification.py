"""Probabilities of classes and the references -> ``classification.json`` and ``cases.csv``."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from medse.config.classification_scoring import ClassificationEvaluation
from medse.data.images.cases import ImageDataset
from medse.errors import InputError
from medse.evaluate.cases import read_case_list, shown_name
from medse.evaluate.class_cases import (
    groups_of,
    image_folder,
    pair_cases,
    predictions_file,
    read_references,
)
from medse.evaluate.classifier_numbers import (
    calibration_numbers,
    class_numbers,
    confusion_counts,
    estimate_all,
    overall_numbers,
)
from medse.files import given_path, read_json, refuse_existing
from medse.metrics.classification.calibration import BINS
from medse.metrics.classification.measures import Classified
from medse.pages.split import TRAINED_ON
from medse.registry import check_arguments
from medse.scores.classification import (
    CaseRow,
    ClassificationScores,
    ClassificationSettings,
    DuplicateRow,
    write_classification,
)
from medse.scores.predictions import read_predictions
from medse.scores.resampling import WEIGHTS_METHOD
from medse.scores.statistics import LEVEL, RESAMPLES, SEED
from medse.versions import installed_versions

RECORD = "prediction.json"
"""What ``medse predict`` leaves beside its predictions."""
PACKAGES = ("medse", "numpy", "scipy")


@check_arguments()
def evaluate_predictions(
    references: str | Path,
    predictions: str | Path,
    out: str | Path,
    cases: str | Path | None = None,
    *,
    options: ClassificationEvaluation | None = None,
    columns: Mapping[str, str] | None = None,
    show_paths: bool = False,
) -> ClassificationScores:
    """Score the probabilities of a classifier against the references and write ``classification.json`` into ``out``.

    Intervals resample groups. The table of all cases is written beside it as ``cases.csv``.

    Args:
        references: A CSV file with the columns image and label, and optionally case, group and split; a folder with
            such a ``cases.csv``; or a folder with a folder of images for each class.
        predictions: ``predictions.csv`` of ``medse predict`` or of another tool (columns case and p_CLASS), or its
            folder. Of a ``prediction.json`` beside it, how the data was split, duplicates and temperature are taken
            into the report.
        out: Folder to write to; must be absent or empty and lie outside the other folders.
        cases: Text file with one case id per line; only these are scored. A group after a tab replaces that of the
            references.
        options: The threshold of each class against the rest, and whether decision curves are computed.
        columns: Which column of a table of references holds what, such as ``{"label": "diagnosis"}``; without it,
            image, label, group, split, slice and case are in the columns of these names.
        show_paths: Keep the whole paths of both, not only their names.

    Raises:
        InputError: A file cannot be read; a prediction is missing or extra; a class is unknown; or ``out`` is not
            empty or lies in one of the folders.

    Example:
        >>> found = evaluate_predictions("pictures", "classifier/out_of_fold", "classified")
        >>> found.n, found.labels
        (24, ('blank', 'spot', 'stripes'))
    """
    references, predictions, out = given_path(references), given_path(predictions), given_path(out)
    refuse_existing(out, "give another output folder (--out) or remove it", (references, predictions))
    listed = None if cases is None else given_path(cases)
    return score_dataset(
        read_references(references, columns or {}),
        references,
        predictions,
        out,
        listed,
        options=options,
        show_paths=show_paths,
    )


def score_dataset(
    dataset: ImageDataset,
    references: Path,
    predictions: Path,
    out: Path,
    listed: Path | None = None,
    *,
    options: ClassificationEvaluation | None = None,
    show_paths: bool = False,
) -> ClassificationScores:
    """Score as :func:`evaluate_predictions` against a data set that was read already; ``references`` is its root."""
    options = options or ClassificationEvaluation()
    chosen = None if listed is None else read_case_list(listed)
    found = read_predictions(predictions_file(predictions))
    record = _read_record(predictions_file(predictions).parent / RECORD)
    pairs = pair_cases(references, dataset, found, chosen)
    group_of = groups_of([case for case, _ in pairs], chosen)
    groups = [group_of[case.id] for case, _ in pairs]
    folder = image_folder(references, dataset)
    places = [place for _, place in pairs]
    if found.trained_on:
        trained_on = sum(found.trained_on[place] for place in places)
        record["split"] = {**record.get("split", {}), TRAINED_ON: str(trained_on)}
    classified = Classified(
        np.array([found.classes.index(case.label) for case, _ in pairs]), found.probabilities[places]
    )
    estimates = estimate_all(classified, groups, options.threshold)
    grouped = len(set(groups)) < len(groups)
    scores = ClassificationScores(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=installed_versions(PACKAGES),
        settings=ClassificationSettings(
            references=str(references.resolve()) if show_paths else shown_name(references),
            predictions=str(predictions.resolve()) if show_paths else shown_name(predictions),
            cases_file=listed.name if listed else None,
            threshold=options.threshold,
            calibration_bins=BINS,
            grouped=grouped,
            interval_method=WEIGHTS_METHOD[grouped],
            interval_level=LEVEL,
            interval_resamples=RESAMPLES,
            interval_seed=SEED,
        ),
        n=len(pairs),
        groups=len(set(groups)),
        classes=class_numbers(classified, groups, found.classes, estimates, options),
        overall=overall_numbers(estimates),
        confusion=confusion_counts(classified),
        calibration=calibration_numbers(classified),
        rows=tuple(
            CaseRow(
                case=case.id,
                group=group,
                fold=found.folds[place] if found.folds else "",
                image=case.image.absolute().relative_to(folder).as_posix(),
                slice=case.slice,
                reference=case.label,
                predicted=found.labels[place],
                probabilities=tuple(found.probabilities[place].tolist()),
            )
            for (case, place), group in zip(pairs, groups, strict=True)
        ),
        **record,
    )
    write_classification(out, scores)
    return scores


def _read_record(path: Path) -> dict[str, Any]:
    """Return what a record of predictions says of the split, duplicates and temperature; what it lacks is unknown.

    Raises:
        InputError: There is a record, and it cannot be read.
    """
    if not path.is_file():
        return {}
    remedy = "predict again, or remove it"
    content = read_json(path, remedy)
    found: dict[str, Any] = {}
    try:
        if content.get("split") is not None:
            found["split"] = {str(name): str(fact) for name, fact in dict(content["split"]).items()}
        if content.get("duplicates") is not None:
            found["duplicates"] = tuple(DuplicateRow.model_validate(one) for one in content["duplicates"])
        if content.get("temperature") is not None:
            found["temperature"] = float(content["temperature"])
    except (TypeError, ValueError, ValidationError) as error:
        raise InputError(
            f"{path} does not say how the data was split in the form of medse predict "
            f"({str(error).splitlines()[0]}); {remedy}."
        ) from error
    return found
