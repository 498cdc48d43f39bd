"""What was scored, asked in the words of the page."""

from collections.abc import Mapping

import numpy as np

from medse.scores.scores import ClassScores, DistanceSummary, Scores
from medse.scores.summaries import column

DISTANCES = {"hd95_mm": "HD95", "assd_mm": "ASSD", "hd_mm": "HD"}
"""Surface distance -> how the page calls it."""


def distance(entry: ClassScores, name: str) -> DistanceSummary | None:
    """Return the summary of a surface distance; None where it was not computed."""
    found = getattr(entry, name)
    return found if isinstance(found, DistanceSummary) else None


def distances_of(scores: Scores) -> dict[str, str]:
    """Return the surface distances that some class has, with their names."""
    classes = scores.summaries.classes
    return {n: word for n, word in DISTANCES.items() if any(distance(entry, n) for entry in classes)}


def tolerance_of_all(tolerance_mm: Mapping[str, float]) -> float | None:
    """Return the tolerance where all classes have the same."""
    found = set(tolerance_mm.values())
    return found.pop() if len(found) == 1 else None


def infinite_counts(scores: Scores) -> dict[str, list[int]]:
    """Return surface distance -> in how many cases it is infinite, by class."""
    return {
        name: np.isinf(column(scores.rows, name)).sum(axis=0).astype(int).tolist()
        for name in distances_of(scores)
    }


def value_lists(scores: Scores, ignore: str) -> dict[str, list[int]]:
    """Return the names that stand for several values, and the ignored values even if it is one."""
    labels = scores.settings.labels or {}
    lists = {name: values if isinstance(values, list) else [values] for name, values in labels.items()}
    return {name: values for name, values in lists.items() if name == ignore or len(values) > 1}
