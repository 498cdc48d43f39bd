"""The worst, the median and the best case, drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medse.errors import InputError
from medse.grid import Grid, check_same_grid
from medse.labels import LabelArray, Labels
from medse.metrics.rows import ScoreRow
from medse.metrics.scores import Scores
from medse.metrics.statistics import case_means
from medse.metrics.summaries import cases, column
from medse.report.panels import COLOURS, OTHERS, Panel, draw_panels
from medse.report.planes import Array, Plane, cut_planes
from medse.scoring.pairs import find_pairs, read_pair
from medse.volumes.name_patterns import find_volumes
from medse.volumes.names import case_id
from medse.volumes.opening import open_volume
from medse.volumes.reading import read_image


@dataclass(frozen=True)
class Example:
    """One case to show.

    Attributes:
        role: Worst, median or best case.
        case: Case id.
        mean_dice: Mean over its defined classes.
        rows: Its scores, worst first.
        panels: Its slices, drawn.
        legend: Class name and colour of the classes that have a colour of their own.
        others: How many more classes they show, all in :data:`OTHERS`.
        oriented: Whether the files say where the patient's left is.
    """

    role: str
    case: str
    mean_dice: float
    rows: list[ScoreRow]
    panels: list[Panel]
    legend: list[tuple[str, str]]
    others: int
    oriented: bool


def draw_examples(scores: Scores, references: Path, predictions: Path, images: Path | None) -> list[Example]:
    """Draw the cases with the lowest, the median and the highest mean Dice; fewer when there are fewer.

    Raises:
        InputError: A file of one of them is missing, unreadable or on another grid.
    """
    means = dict(zip(cases(scores.rows), case_means(column(scores.rows, "dice")).tolist(), strict=True))
    chosen = choose_cases(means)
    pairs = find_pairs(references, predictions, list(means))
    settings = scores.settings
    labels = Labels.from_mapping(settings.labels, "scores.json") if settings.labels else None
    found = []
    for role, case in chosen.items():
        fixed = case in settings.geometry_fixed
        reference, prediction, grid, _ = read_pair(*pairs[case], copy_affine=fixed)
        if labels:
            reference, prediction = _merge(reference, prediction, labels)
        image = None if images is None else _read_first_channel(_image_file(images, case), grid, fixed)
        planes = cut_planes(reference, prediction, image, grid)
        rows = [row for row in scores.rows if row.case == case]
        worst_first = sorted(rows, key=lambda row: math.inf if math.isnan(row.dice) else row.dice)
        seen = _values_seen(planes)
        coloured = _own_colours(
            rows if len(rows) <= len(COLOURS) else [r for r in worst_first if r.value in seen]
        )
        found.append(
            Example(
                role=role,
                case=case,
                mean_dice=means[case],
                rows=worst_first,
                panels=draw_panels(planes, {row.value: coloured.get(row.value, OTHERS) for row in rows}),
                legend=[
                    (r.label, coloured[r.value]) for r in rows if r.value in coloured and r.value in seen
                ],
                others=sum(row.value in seen and row.value not in coloured for row in rows),
                oriented=grid.oriented,
            )
        )
    return found


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


def _merge(reference: LabelArray, prediction: LabelArray, labels: Labels) -> tuple[LabelArray, LabelArray]:
    """Give every value that of its class; what the reference ignores is not shown."""
    first, second = labels.encode(reference, "the reference"), labels.encode(prediction, "the prediction")
    ignored = first == labels.ignore_index
    first[ignored] = second[ignored] = 0
    return labels.decode(first), labels.decode(second)


def _values_seen(planes: Sequence[Plane]) -> set[int]:
    maps = [array for plane in planes for array in (plane.reference, plane.prediction)]
    return set(np.concatenate([np.unique(array) for array in maps]).tolist())


def _own_colours(rows: Sequence[ScoreRow]) -> dict[int, str]:
    """Give the first classes a colour each."""
    return {row.value: colour for row, colour in zip(rows, COLOURS, strict=False)}


def _image_file(images: Path, case: str) -> Path:
    if images.is_file():
        case_id(images)
        return images
    found = find_volumes(images)
    for name in (case, f"{case}_0000"):
        if name in found:
            return found[name]
    raise InputError(
        f"{images} has no image of case {case}; expected {case}.nii.gz, {case}_0000.nii.gz or another format; add it "
        "or leave the images out."
    )


def _read_first_channel(path: Path, grid: Grid, copy_affine: bool) -> Array:
    opened = open_volume(path)
    image, image_grid = read_image(path, math.prod(opened.shape[3:]) * opened.components)
    check_same_grid(grid, image_grid, copy_affine=copy_affine)
    first: Array = image[0]
    return first
