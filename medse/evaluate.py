"""Two folders of label maps -> ``scores.csv`` and ``scores.json``."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from medse.errors import InputError
from medse.files import refuse_existing, refuse_inside
from medse.grid import Grid
from medse.labels import Labels
from medse.metrics.overlap import PairCounts, count_pairs, overlap
from medse.metrics.rows import ScoreRow
from medse.metrics.scores import Scores, Settings
from medse.metrics.statistics import LEVEL, METHOD, RESAMPLES, SEED
from medse.metrics.summaries import summarise_rows
from medse.scoring.pairs import find_pairs, read_case_list, read_pair
from medse.scoring.score_files import write_scores
from medse.versions import installed_versions
from medse.volumes.names import PICTURES, suffix_of

CONVENTION = "medse"
PACKAGES = ("medse", "numpy", "scipy", "nibabel")
MOST_UNNAMED = 1000
"""Most distinct values that are taken for classes when none are named; a file with more is an image."""


def evaluate(
    references: Path,
    predictions: Path,
    out: Path,
    labels: Labels | None = None,
    cases: Path | None = None,
    *,
    copy_affine: bool = False,
) -> Scores:
    """Score every prediction against its reference and write the table and its summary into ``out``.

    Args:
        references: Folder of label maps in any format, or one file.
        predictions: The same; files are paired by their name without suffix.
        out: Folder to write to; must be absent or empty, and lie outside both folders. Nothing is written
            unless every case was scored.
        labels: The classes; without them every value found is a class named after its value. Voxels that the
            reference ignores are left out of every count.
        cases: Text file with one case id per line; only these are scored. A group (patient) after a tab makes
            intervals account for cases that belong together.
        copy_affine: Let predictions with another affine take that of the reference; recorded in the settings.

    Raises:
        InputError: A file is missing, extra, unreadable, on another grid, or holds an undeclared value; or
            ``out`` is not empty or lies in one of the folders.
    """
    refuse_existing(out, "give another --out or remove it")
    for folder in (references, predictions):
        refuse_inside(out, folder)
    groups = None if cases is None else read_case_list(cases)
    pairs = find_pairs(references, predictions, groups)
    counted = {case: _count(*files, labels, copy_affine) for case, files in pairs.items()}
    classes = labels or _values_found((found.counts for found in counted.values()), references)
    rows = tuple(
        row
        for case in counted
        for row in _score(case, groups[case] if groups else case, counted[case], classes)
    )
    scores = Scores(
        convention=CONVENTION,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=installed_versions(PACKAGES),
        settings=Settings(
            references=references.resolve().name,
            predictions=predictions.resolve().name,
            labels=labels.to_mapping() if labels else None,
            cases_file=cases.name if cases else None,
            geometry_fixed=tuple(case for case, found in counted.items() if found.geometry_fixed),
            interval_method=METHOD,
            interval_level=LEVEL,
            interval_resamples=RESAMPLES,
            interval_seed=SEED,
        ),
        summaries=summarise_rows(rows),
        rows=rows,
    )
    write_scores(out, scores)
    return scores


@dataclass(frozen=True)
class _Counted:
    counts: PairCounts
    voxel_ml: float
    geometry_fixed: bool


def _count(reference_file: Path, prediction_file: Path, labels: Labels | None, copy_affine: bool) -> _Counted:
    reference, prediction, grid, fixed = read_pair(reference_file, prediction_file, copy_affine=copy_affine)
    counts = count_pairs(reference, prediction)
    if labels:
        for array, values, path in (
            (reference, counts.reference_values, reference_file),
            (prediction, counts.prediction_values, prediction_file),
        ):
            if not labels.indices.keys() >= set(values.tolist()):
                labels.encode(array, str(path))  # raises, with every undeclared value and its voxel count
        counts = _merge(counts, labels, prediction_file)
    return _Counted(counts, _voxel_ml(grid), fixed)


def _merge(counts: PairCounts, labels: Labels, prediction_file: Path) -> PairCounts:
    """Give every value that of its class, and leave out what the reference ignores."""
    rows = labels.encode(counts.reference_values, "")
    columns = labels.encode(counts.prediction_values, "")
    scored, predicted = rows != labels.ignore_index, columns != labels.ignore_index
    voxels = counts.voxels[scored]
    if ignoring := int(voxels[:, ~predicted].sum()):
        raise InputError(
            f"{prediction_file} holds ignored values ({', '.join(map(str, labels.ignored))}) in {ignoring} voxels "
            "that the reference does not ignore; a prediction may ignore none of them; give these voxels a class "
            "or 0."
        )
    return PairCounts(labels.decode(rows[scored]), labels.decode(columns[predicted]), voxels[:, predicted])


def _voxel_ml(grid: Grid) -> float:
    """Return the volume of a voxel in ml; NaN for a picture, whose pixels have no size."""
    if suffix_of(Path(grid.source)) in PICTURES:
        return float("nan")
    return float(abs(np.linalg.det(grid.affine[:3, :3]))) / 1000


def _values_found(counted: Iterable[PairCounts], references: Path) -> Labels:
    arrays = [array for counts in counted for array in (counts.reference_values, counts.prediction_values)]
    values = np.unique(np.concatenate(arrays)).tolist()
    if not any(values) or len(values) > MOST_UNNAMED or values[0] < 0:
        raise InputError(
            f"{references} and the predictions hold {len(values)} different values from {values[0]} to "
            f"{values[-1]}; without named classes 1 to {MOST_UNNAMED} values above 0 are expected; name the "
            "classes with --labels, or check that these files are label maps."
        )
    return Labels.from_mapping({str(value): value for value in values}, str(references))


def _score(case: str, group: str, found: _Counted, classes: Labels) -> list[ScoreRow]:
    return [
        ScoreRow(
            case=case,
            group=group,
            label=name,
            value=value,
            **vars(overlap(found.counts, value, found.voxel_ml)),
        )
        for name, value in zip(classes.names, classes.values, strict=True)
    ]
