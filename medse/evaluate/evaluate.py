"""Two folders of label maps -> ``scores.csv``, ``scores.json`` and the tables beside them."""

import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from medse.config.sections import Evaluation
from medse.errors import InputError, Refusals
from medse.evaluate import Missing
from medse.evaluate.case_scores import Rules, score_case, values_found
from medse.evaluate.cases import find_cases, find_mask_names, hidden_part, read_case_list, shown_name
from medse.evaluate.classes import scored_classes
from medse.evaluate.running import each_case, fitting_processes
from medse.evaluate.unnamed import FoundValues, names_of_values
from medse.files import given_path, refuse_existing
from medse.labels import Labels
from medse.machine import cores
from medse.metrics.lesions import lesion_rule
from medse.registry import check_arguments
from medse.scores.files import write_scores
from medse.scores.scores import Scores, Settings
from medse.scores.statistics import GROUP_METHOD, LEVEL, METHOD, RESAMPLES, SEED
from medse.scores.summaries import summarise_rows
from medse.versions import installed_versions
from medse.volumes.names import remark_left_out

Result = TypeVar("Result")

PACKAGES = ("medse", "numpy", "scipy", "nibabel", "scikit-image")


@check_arguments()
def evaluate_folders(
    references: str | Path,
    predictions: str | Path,
    out: str | Path,
    labels: Labels | Mapping[str, Any] | None = None,
    cases: str | Path | None = None,
    *,
    options: Evaluation | None = None,
    copy_affine: bool = False,
    resample: bool = False,
    missing: Missing = "error",
    pixel_mm: float | None = None,
    binary: bool = False,
    processes: int = 1,
    show_paths: bool = False,
) -> Scores:
    """Score every prediction against its reference and write the tables and their summary into ``out``.

    Args:
        references: Folder of label maps in any format, of a folder of binary masks per case, or one file.
        predictions: The same; cases are paired by their name without suffix.
        out: Folder to write to; must be absent or empty, and lie outside both folders. Nothing is written
            unless a case was scored.
        labels: The classes of label maps, such as ``{"tumour": 1, "oedema": [2, 3]}``; without them every value found
            is a class named after its value. Voxels that the reference ignores are left out of every count.
        cases: Text file with one case id per line; only these are scored. A group (patient) after a tab makes
            intervals account for cases that belong together.
        options: Conventions, tolerances, merged classes, lesions and centrelines.
        copy_affine: Let predictions with another affine take that of the reference; recorded in the settings.
        resample: Bring predictions on another grid onto that of the reference, nearest voxel; recorded.
        missing: What a missing prediction is: an error, or the worst, an empty one; recorded.
        pixel_mm: Length of a pixel of pictures; without it there are no distances between pictures.
        binary: Read label maps as masks of one class, ``foreground`` or the only one of ``labels``: 0 and one other
            value, whatever it is; recorded.
        processes: Most processes that read and score cases at the same time; fewer where memory is short. More than
            one must be asked for from a script only below ``if __name__ == "__main__"``.
        show_paths: Keep the whole paths of both folders in what is written, not only their names.

    Returns:
        All numbers. Cases that could not be read are in ``not_scored`` and in no number.

    Raises:
        InputError: A file is missing or extra; an option names no class or is no length; ``out`` is not empty or lies
            in one of the folders; or no case could be scored, because files are unreadable, on another grid, or hold
            undeclared values.

    Example:
        >>> scores = evaluate_folders("references", "moved_1", "report", {"bright": 3, "dim": 7})
        >>> round(scores.summaries.mean_dice.mean, 3)
        0.799
    """
    references, predictions, out = given_path(references), given_path(predictions), given_path(out)
    if isinstance(labels, Mapping):
        labels = Labels.from_mapping(labels, "labels")
    options = options or Evaluation()
    if copy_affine and resample:
        raise InputError(
            "--fix-geometry copy-affine and --resample-prediction were both given; the first says that the grid of a "
            "prediction is wrong and the second that it is right; give one of them."
        )
    if pixel_mm is not None and not 0 < pixel_mm < math.inf:
        raise InputError(
            f"--pixel-mm is {pixel_mm}; a length above 0 is expected; give that of a pixel in mm."
        )
    refuse_existing(out, "give another output folder (--out) or remove it", (references, predictions))
    listed = None if cases is None else given_path(cases)
    groups = None if listed is None else read_case_list(listed)
    found = find_cases(references, predictions, groups, missing=missing)
    workers = fitting_processes(found, min(processes, len(found)))
    sides = [side for files in found for side in (files.reference, files.prediction) if side]
    remark_left_out(path for path in dict.fromkeys([references, predictions, *sides]) if path.is_dir())
    mask_names = find_mask_names(found, binary=binary)
    rules = Rules(labels, mask_names, (), options, copy_affine, resample, pixel_mm, binary)
    names = labels.names if labels else rules.mask_names
    if binary:
        _refuse_several(names or (), labels)
    problems: dict[str, str] = {}
    if names is None:
        values: dict[str, FoundValues] = {}
        for case, attempt in each_case(partial(values_found, rules), found, workers):
            if isinstance(attempt, InputError):
                problems[case] = str(attempt)
            else:
                values[case] = attempt
        names = names_of_values(values, references, predictions, problems)
        found = [files for files in found if files.case not in problems]
    rules = replace(rules, classes=scored_classes(names, options))
    work = partial(score_case, rules, max(1, cores() // workers))
    scored = _readable(each_case(work, found, workers), problems)
    if not scored:
        Refusals(problems.values()).raise_any()
    classes = [one for case in scored for one in case.classes]
    rows = tuple(one.row for one in classes)
    if groups:
        rows = tuple(row.model_copy(update={"group": groups[row.case]}) for row in rows)
    detailed = options.distances or options.centreline or options.lesions
    details = tuple(one.detail for one in classes) if detailed else ()
    beside = tuple(row for one in classes for row in one.beside)
    scores = Scores(
        convention=options.convention,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=installed_versions(PACKAGES),
        settings=Settings(
            references=str(references.resolve()) if show_paths else shown_name(references),
            predictions=str(predictions.resolve()) if show_paths else shown_name(predictions),
            labels=labels.to_mapping() if labels else None,
            cases_file=listed.name if listed else None,
            geometry_fixed=tuple(case.case for case in scored if case.geometry_fixed),
            resampled=tuple(case.case for case in scored if case.resampled),
            missing_predictions=tuple(case.case for case in scored if case.missing),
            mask_files=rules.mask_names is not None and not binary,
            binary=binary,
            merged={name: list(parts) for name, parts in options.merged.items()},
            unit=options.unit,
            distances=options.distances and any(case.measured for case in scored),
            tolerance_mm={
                one.name: one.tolerance_mm for one in rules.classes if one.tolerance_mm is not None
            },
            centreline=options.centreline,
            lesions=options.lesions,
            lesion_rule=lesion_rule(options.lesion_connectivity, options.lesion_iou)
            if options.lesions
            else "",
            pixel_mm=pixel_mm if any(case.picture for case in scored) else None,
            interval_method=METHOD if options.unit == "case" else GROUP_METHOD,
            interval_level=LEVEL,
            interval_resamples=RESAMPLES,
            interval_seed=SEED,
        ),
        summaries=summarise_rows(rows, details, beside, options.unit, options.merged),
        not_scored=problems if show_paths else _without_paths(problems, references, predictions),
        rows=rows,
        details=details,
        lesions=tuple(row for one in classes for row in one.lesions),
        beside=beside,
    )
    write_scores(out, scores)
    return scores


def _readable(attempts: Iterable[tuple[str, Result | InputError]], problems: dict[str, str]) -> list[Result]:
    """Return what was made of the cases that could be read, and add to ``problems`` why others could not."""
    results: list[Result] = []
    for case, found in attempts:
        if isinstance(found, InputError):
            problems[case] = str(found)
        else:
            results.append(found)
    return results


def _refuse_several(names: tuple[str, ...], labels: Labels | None) -> None:
    """Raise unless there is one class, as binary masks have, and no value that means anything else."""
    several = len(names) > 1 or (labels is not None and len(labels.indices) > 2)
    if several:
        raise InputError(
            f"--binary reads every label map as the mask of one class, and there are the classes and values "
            f"{', '.join(labels.to_mapping() if labels else names)}; leave --binary out, or name one class."
        )


def _without_paths(problems: dict[str, str], *folders: Path) -> dict[str, str]:
    """Return the problems with the folders called by their names."""
    parents = {str(folder) for folder in map(hidden_part, folders) if folder != Path()}
    for parent in sorted(parents, key=len, reverse=True):
        problems = {case: text.replace(f"{parent}{os.sep}", "") for case, text in problems.items()}
    return problems
