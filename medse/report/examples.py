"""The worst, the median and the best case, drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medse.arrays import AnyArray, LabelArray
from medse.errors import InputError
from medse.evaluate.case_maps import CaseMaps, class_indices, read_case
from medse.evaluate.cases import find_cases, find_mask_names
from medse.labels import Labels
from medse.labels.value_counts import count_values
from medse.report.panels import COLOURS, OTHERS, Panel, draw_panels, grey_window
from medse.report.planes import cut_planes
from medse.report.slices import Stack, draw_stack
from medse.report.tables import badness, mean_dice, single_classes
from medse.scores.scores import ScoreRow, Scores
from medse.volumes.grid import Grid, check_same_grid
from medse.volumes.names import case_id
from medse.volumes.patterns import find_volumes
from medse.volumes.reading import channels_of, grid_of, images_of, open_volume


@dataclass(frozen=True)
class Example:
    """One case to show.

    Attributes:
        role: Worst, median or best case.
        mean_dice: Mean over its defined classes.
        rows: Its scores, worst first.
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
    names = find_mask_names(pairs, binary=settings.binary)
    labels = Labels.from_mapping(settings.labels, "scores.json") if settings.labels else None
    examples = []
    for role, case in choose_cases(means).items():
        maps = read_case(
            found[case],
            labels,
            copy_affine=case in settings.geometry_fixed,
            resample=case in settings.resampled,
            mask_names=names,
            binary=settings.binary,
        )
        rows = [row for row in scores.rows if row.case == case]
        examples.append(_draw(role, means[case], maps, scores, rows, images))
    return examples


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


def index_maps(maps: CaseMaps, scores: Scores, classes: Sequence[int]) -> tuple[LabelArray, LabelArray]:
    """Return both label maps with index ``k + 1`` where the ``k``-th of ``classes`` lies, 0 elsewhere."""
    members = []
    for k in classes:
        label = scores.summaries.classes[k].label
        parts = scores.settings.merged.get(label, [label])
        members.append(frozenset[int]().union(*(maps.members.get(part, frozenset()) for part in parts)))
    return class_indices(maps.reference, members), class_indices(maps.prediction, members)


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


def check_images(images: Path, references: Path) -> None:
    """Raise where there cannot be an image of each case.

    Raises:
        InputError: One image is given for a folder of cases, or the folder holds none.
    """
    if not images.is_file():
        find_volumes(images)
    elif not references.is_file():
        raise InputError(
            f"{images} is one image and {references} are several cases; every case needs its own; give the folder "
            "that holds the images."
        )


def read_case_image(images: Path, case: str, grid: Grid, *, copy_affine: bool) -> AnyArray:
    """Read the first channel of a case's image.

    Raises:
        InputError: The image is missing, unreadable or lies on another grid.
    """
    opened = open_volume(_image_file(images, case))
    image_grid = grid_of(opened, channels_of(opened))
    check_same_grid(grid, image_grid, copy_affine=copy_affine)
    first: AnyArray = images_of([opened], image_grid)[0]
    return first


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
    seen = {k for plane in planes for side in (plane.reference, plane.prediction) for k in count_values(side)}
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
