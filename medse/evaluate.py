"""Two folders of NIfTI label maps -> ``scores.csv`` and ``scores.json``."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from medse.errors import InputError
from medse.files import refuse_existing
from medse.labels import Labels
from medse.metrics.overlap import PairCounts, count_pairs, overlap
from medse.metrics.pairs import find_pairs, read_case_list, read_pair
from medse.metrics.scores import ScoreRow, Scores, Settings, write_scores
from medse.metrics.statistics import LEVEL, METHOD, RESAMPLES, SEED
from medse.metrics.summaries import summarise_rows
from medse.versions import installed_versions

CONVENTION = "medse"
PACKAGES = ("medse", "numpy", "scipy", "nibabel")
MOST_UNNAMED = 1000
"""Most distinct values that are taken for classes when none are named; a file with more is an image."""


def evaluate(
    references: Path, predictions: Path, out: Path, labels: Labels | None = None, cases: Path | None = None
) -> Scores:
    """Score every prediction against its reference and write the table and its summary into ``out``.

    Args:
        references: Folder of NIfTI label maps, or one file.
        predictions: The same; files are paired by their name without suffix.
        out: Folder to write to; must be absent or empty. Nothing is written unless every case was scored.
        labels: The classes; without them every value found is a class named after its value.
        cases: Text file with one case id per line; only these are scored.

    Raises:
        InputError: A file is missing, extra, unreadable, on another grid, or holds an undeclared value; or
            ``out`` is not empty.
    """
    refuse_existing(out, "give another --out or remove it")
    pairs = find_pairs(references, predictions, None if cases is None else read_case_list(cases))
    counted = {case: _count(*files, labels) for case, files in pairs.items()}
    classes = labels or _values_found((counts for counts, _ in counted.values()), references)
    rows = tuple(row for case in counted for row in _score(case, *counted[case], classes))
    scores = Scores(
        convention=CONVENTION,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=installed_versions(PACKAGES),
        settings=Settings(
            references=references.resolve().name,
            predictions=predictions.resolve().name,
            labels_given=labels is not None,
            cases_file=cases.name if cases else None,
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


def _count(reference_file: Path, prediction_file: Path, labels: Labels | None) -> tuple[PairCounts, float]:
    """Return the voxel counts of one case and the volume of a voxel in ml."""
    reference, prediction, grid = read_pair(reference_file, prediction_file)
    counts = count_pairs(reference, prediction)
    if labels:
        declared = {0, *labels.values}
        for array, values, path in (
            (reference, counts.reference_values, reference_file),
            (prediction, counts.prediction_values, prediction_file),
        ):
            if not declared.issuperset(values.tolist()):
                labels.encode(array, str(path))  # raises, with every undeclared value and its voxel count
    return counts, float(abs(np.linalg.det(grid.affine[:3, :3]))) / 1000


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


def _score(case: str, counts: PairCounts, voxel_ml: float, classes: Labels) -> list[ScoreRow]:
    return [
        ScoreRow(case=case, group=case, label=name, value=value, **vars(overlap(counts, value, voxel_ml)))
        for name, value in zip(classes.names, classes.values, strict=True)
    ]
