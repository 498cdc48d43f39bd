"""Scores of a classifier -> one self-contained HTML page, and the tables for papers."""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from medse.files import given_path, write_text
from medse.pages.html import FILTERS, SORTABLE, STYLE_SHEET, page_environment
from medse.pages.split import METHODS, sides_of_groups
from medse.registry import check_arguments
from medse.report import classification_tables as tables
from medse.report.classification_figures import (
    COLOURS,
    draw_calibration,
    draw_decisions,
    draw_precision_recall,
    draw_roc,
)
from medse.report.classification_mistakes import Mistake, draw_mistakes, map_colours
from medse.scores.classification import ClassificationScores, read_classification

PAGE = "report.html"
TEMPLATES = files("medse.report").joinpath("classification_template")
MANY = 12
"""Above this many classes tables scroll in themselves."""
FEW = 10
"""Below this many groups the page warns that bootstrap intervals come out too narrow."""


@check_arguments()
def write_classification_report(
    out: str | Path, images: str | Path | None = None, maps: str | Path | None = None
) -> Path:
    """Write ``report.html``, ``table.tex`` and ``table.md`` beside the scores in ``out``; return the page's path.

    The page needs no network: figures, style and script are inside it.

    Args:
        out: Folder that ``medse evaluate`` wrote.
        images: Folder below which the images lie, to show the most confident mistakes.
        maps: Folder of heat maps, ``CASE.png`` on the pixels of the image or ``CASE.nii.gz`` on its grid, 0 to 255,
            to lay over them; cases without one are shown without.

    Raises:
        InputError: The scores are missing; or the image of a shown case is missing, unreadable or does not fit its
            map.

    Example:
        >>> from medse.evaluate.classification import evaluate_predictions
        >>> scores = evaluate_predictions("pictures", "classifier/out_of_fold", "classified")
        >>> write_classification_report("classified", images="pictures").name
        'report.html'
    """
    out = given_path(out)
    scores = read_classification(out)
    mistakes = draw_mistakes(
        scores, *(None if folder is None else given_path(folder) for folder in (images, maps))
    )
    write_text(out / PAGE, render(scores, mistakes, with_images=images is not None))
    tables.write_classification_tables(out, scores)
    return out / PAGE


def render(scores: ClassificationScores, mistakes: Sequence[Mistake], *, with_images: bool) -> str:
    """Return the page as one HTML text without a reference to anything outside it."""
    classes, lines = scores.classes, tables.case_lines(scores)
    return (
        page_environment(TEMPLATES)
        .get_template("page.html.j2")
        .render(
            scores=scores,
            settings=scores.settings,
            overall=scores.overall,
            classes=classes,
            created=datetime.fromisoformat(scores.created).strftime("%Y-%m-%d %H:%M %Z"),
            style=STYLE_SHEET + TEMPLATES.joinpath("style.css").read_text(encoding="utf-8"),
            script=SORTABLE + FILTERS,
            methods=METHODS,
            sides=sides_of_groups(scores.split, grouped=scores.settings.grouped),
            commonest=max(classes, key=lambda entry: entry.n),
            roc=draw_roc(classes),
            precision_recall=draw_precision_recall(classes),
            calibration=draw_calibration(scores.calibration),
            decisions=draw_decisions(classes),
            coloured=len(COLOURS),
            mistakes=mistakes,
            all_mistakes=len(scores.mistakes),
            with_images=with_images,
            with_maps=any(mistake.overlaid for mistake in mistakes),
            map_colours=map_colours(),
            lines=lines[: tables.MOST_ROWS],
            folds=any(row.fold for row in scores.rows),
            grouped=scores.settings.grouped,
            many=len(classes) > MANY,
            few=FEW,
        )
    )
