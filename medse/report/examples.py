"""The worst, the median and the best case, drawn."""

import math
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from medse.errors import InputError
from medse.grid import Grid, check_same_grid
from medse.metrics.pairs import find_pairs, read_pair
from medse.metrics.scores import ScoreRow, Scores
from medse.metrics.statistics import case_means
from medse.metrics.summaries import cases, column
from medse.report.panels import COLOURS, Panel, draw_panels
from medse.report.planes import Array, cut_planes
from medse.volumes.names import case_id, list_volumes
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
        legend: Class name and colour of what they show.
    """

    role: str
    case: str
    mean_dice: float
    rows: list[ScoreRow]
    panels: list[Panel]
    legend: list[tuple[str, str]]


def draw_examples(scores: Scores, references: Path, predictions: Path, images: Path | None) -> list[Example]:
    """Draw the cases with the lowest, the median and the highest mean Dice; fewer when there are fewer.

    Raises:
        InputError: A file of one of them is missing, unreadable or on another grid.
    """
    means = dict(zip(cases(scores.rows), case_means(column(scores.rows, "dice")).tolist(), strict=True))
    chosen = choose_cases(means)
    pairs = find_pairs(references, predictions, list(means))
    classes = scores.summaries.classes
    colours = {entry.value: COLOURS[k % len(COLOURS)] for k, entry in enumerate(classes)}
    found = []
    for role, case in chosen.items():
        reference, prediction, grid = read_pair(*pairs[case])
        image = None if images is None else _read_first_channel(_image_file(images, case), grid)
        planes = cut_planes(reference, prediction, image, grid)
        seen = {
            int(v)
            for plane in planes
            for array in (plane.reference, plane.prediction)
            for v in np.unique(array)
        }
        rows = [row for row in scores.rows if row.case == case]
        found.append(
            Example(
                role=role,
                case=case,
                mean_dice=means[case],
                rows=sorted(rows, key=lambda row: math.inf if math.isnan(row.dice) else row.dice),
                panels=draw_panels(planes, colours),
                legend=[(entry.label, colours[entry.value]) for entry in classes if entry.value in seen],
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


def _image_file(images: Path, case: str) -> Path:
    if images.is_file():
        case_id(images)
        return images
    found = list_volumes(images)
    if case not in found:
        raise InputError(f"{images} has no image of case {case}; add {case}.nii.gz or leave the images out.")
    return found[case]


def _read_first_channel(path: Path, grid: Grid) -> Array:
    try:
        channels = math.prod(nib.load(path).shape[3:])
    except (OSError, ValueError, nib.filebasedimages.ImageFileError) as error:
        raise InputError(
            f"{path} cannot be read as NIfTI ({error}); check or copy the file again."
        ) from error
    image, image_grid = read_image(path, channels)
    check_same_grid(grid, image_grid)
    first: Array = image[0]
    return first
