"""The worst, the median and the best case, drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medse.evaluate.case_maps import CaseMaps, find_mask_names, read_case
from medse.evaluate.pairs import find_cases
from medse.labels import Labels
from medse.report.choice import (
    badness,
    choose_cases,
    choose_colours,
    index_maps,
    indices_seen,
    mean_dice,
    single_classes,
)
from medse.report.images import read_case_image
from medse.report.panels import OTHERS, Panel, draw_panels, grey_window
from medse.report.planes import cut_planes
from medse.report.slices import Stack, draw_stack
from medse.scores.rows import ScoreRow
from medse.scores.scores import Scores


@dataclass(frozen=True)
class Example:
    """One case to show.

    Attributes:
        role: Worst, median or best case.
        case: Case id.
        mean_dice: Mean over its defined classes.
        rows: Its scores, worst first.
        panels: Its slices, drawn.
        stack: Its axial slices, to scroll through; None where there is only one.
        legend: Class name and colour of the classes that have a colour of their own.
        others: How many more classes they show, all in :data:`OTHERS`.
        oriented: Whether the files say where the patient's left is.
    """

    role: str
    case: str
    mean_dice: float
    rows: list[ScoreRow]
    panels: list[Panel]
    stack: Stack | None
    legend: list[tuple[str, str]]
    others: int
    oriented: bool


def draw_examples(scores: Scores, references: Path, predictions: Path, images: Path | None) -> list[Example]:
    """Draw the cases with the lowest, the median and the highest mean Dice; fewer when there are fewer.

    Raises:
        InputError: A file of one of them is missing, unreadable or on another grid.
    """
    settings = scores.settings
    means = mean_dice(scores)
    pairs = find_cases(
        references, predictions, list(means), missing="worst" if settings.missing_predictions else "error"
    )
    found = {files.case: files for files in pairs}
    names = find_mask_names(pairs)
    labels = Labels.from_mapping(settings.labels, "scores.json") if settings.labels else None
    examples = []
    for role, case in choose_cases(means).items():
        maps = read_case(
            found[case],
            labels,
            copy_affine=case in settings.geometry_fixed,
            resample=case in settings.resampled,
            mask_names=names,
        )
        rows = [row for row in scores.rows if row.case == case]
        examples.append(_draw(role, means[case], maps, scores, rows, images))
    return examples


def _draw(
    role: str, mean_dice: float, maps: CaseMaps, scores: Scores, rows: Sequence[ScoreRow], images: Path | None
) -> Example:
    case, settings = rows[0].case, scores.settings
    fixed = case in settings.geometry_fixed
    image = None if images is None else read_case_image(images, case, maps.grid, copy_affine=fixed)
    classes = single_classes(scores)
    shown = [rows[k] for k in classes]
    reference, prediction = index_maps(maps, scores, classes)
    planes = cut_planes(
        reference, prediction, image, maps.grid, picture=maps.picture, pixel_mm=settings.pixel_mm
    )
    seen = indices_seen(planes)
    colours = choose_colours(shown, seen)
    in_view = [(row.label, colours[k]) for k, row in enumerate(shown, start=1) if k in seen]
    window = grey_window(planes)
    return Example(
        role=role,
        case=case,
        mean_dice=mean_dice,
        rows=sorted(rows, key=badness),
        panels=draw_panels(planes, colours, window),
        stack=draw_stack(reference, prediction, image, maps.grid, colours, window, planes[0].number),
        legend=[(label, colour) for label, colour in in_view if colour != OTHERS],
        others=sum(colour == OTHERS for _, colour in in_view),
        oriented=maps.grid.oriented,
    )
