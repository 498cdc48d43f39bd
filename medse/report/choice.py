"""Which cases and which of their classes are shown."""

import math
from collections.abc import Sequence

import numpy as np

from medse.arrays import LabelArray
from medse.evaluate.case_maps import CaseMaps, class_indices
from medse.report.panels import COLOURS, OTHERS
from medse.report.planes import Plane
from medse.scores.rows import ScoreRow
from medse.scores.scores import Scores
from medse.scores.statistics import case_means
from medse.scores.summaries import cases, column, mean_classes


def choose_cases(means: dict[str, float]) -> dict[str, str]:
    """Return role -> case id; cases without a defined mean are left out, equal means are in order of name."""
    ranked = sorted((mean, case) for case, mean in means.items() if not math.isnan(mean))
    if not ranked:
        return {}
    if len(ranked) == 1:
        return {"Only case": ranked[0][1]}
    roles = {"Worst case": ranked[0][1], "Median case": ranked[(len(ranked) - 1) // 2][1]}
    if len(ranked) == 2:
        del roles["Median case"]
    return {**roles, "Best case": ranked[-1][1]}


def single_classes(scores: Scores) -> list[int]:
    """Return the positions of the classes to draw and to average: unions would hide parts or count them twice."""
    return mean_classes([entry.label for entry in scores.summaries.classes], scores.settings.merged)


def mean_dice(scores: Scores) -> dict[str, float]:
    """Return case -> mean Dice over its classes."""
    means = case_means(column(scores.rows, "dice")[:, single_classes(scores)])
    return dict(zip(cases(scores.rows), means.tolist(), strict=True))


def index_maps(maps: CaseMaps, scores: Scores, classes: Sequence[int]) -> tuple[LabelArray, LabelArray]:
    """Return both label maps with index ``k + 1`` where the ``k``-th of ``classes`` lies, 0 elsewhere."""
    members = []
    for k in classes:
        label = scores.summaries.classes[k].label
        parts = scores.settings.merged.get(label, [label])
        members.append(frozenset[int]().union(*(maps.members.get(part, frozenset()) for part in parts)))
    return class_indices(maps.reference, members), class_indices(maps.prediction, members)


def indices_seen(planes: Sequence[Plane]) -> set[int]:
    """Return which class indices the slices show."""
    maps = [array for plane in planes for array in (plane.reference, plane.prediction)]
    return set(np.concatenate([np.unique(array) for array in maps]).tolist())


def choose_colours(rows: Sequence[ScoreRow], seen: set[int]) -> dict[int, str]:
    """Return class index -> colour; where colours do not suffice, the worst classes in view have one.

    Args:
        rows: Scores of the drawn classes of a case; their position + 1 is the class index.
        seen: Class indices in view.
    """
    order = list(range(1, len(rows) + 1))
    if len(rows) > len(COLOURS):
        order = sorted((k for k in order if k in seen), key=lambda k: badness(rows[k - 1]))
    own = dict(zip(order, COLOURS, strict=False))
    return {k: own.get(k, OTHERS) for k in range(1, len(rows) + 1)}


def badness(row: ScoreRow) -> float:
    """Sort key: lowest Dice first, undefined last."""
    return math.inf if math.isnan(row.dice) else row.dice
