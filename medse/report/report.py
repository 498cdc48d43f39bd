"""Scores -> one self-contained HTML page, and the tables for papers."""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from pathlib import Path

import numpy as np

from medse.files import given_path, write_text
from medse.labels import IGNORE
from medse.metrics.conventions.table import CONVENTIONS
from medse.pages.html import FILTERS, SORTABLE, STYLE_SHEET, page_environment
from medse.pages.numbers import format_value, outcome
from medse.registry import check_arguments
from medse.report import tables
from medse.report.examples import Example, draw_examples
from medse.report.figures import LEAST_VIOLIN, LIMITS, draw_distribution, draw_volumes
from medse.report.panels import OTHERS
from medse.report.paper_tables import write_paper_tables
from medse.scores.files import read_scores
from medse.scores.scores import Scores
from medse.scores.summaries import column
from medse.scores.table import SCORES

PAGE = "report.html"
DRAWN = ("dice", "hd95_mm", "nsd")
"""Scores whose distribution is drawn."""
TEMPLATES = files("medse.report").joinpath("template")
MANY = 20
"""Above this many classes the longest tables are folded or shortened."""
MATRIX = 6
"""Up to this many classes the table of cases has a column for each."""
FEW = 10
"""Below this many groups the page warns that bootstrap intervals come out too narrow."""


@check_arguments()
def write_report(
    out: str | Path, references: str | Path, predictions: str | Path, images: str | Path | None = None
) -> Path:
    """Write ``report.html``, ``table.tex`` and ``table.md`` beside the scores in ``out``; return the page's path.

    The page needs no network: figures, style and script are inside it.

    Args:
        out: Folder that ``medse evaluate`` wrote.
        references: Folder of references, or one file, as evaluated.
        predictions: The same for predictions.
        images: Folder of images named like the references, or one file, to show under the labels; of an image
            with channels the first is shown.

    Raises:
        InputError: The scores are missing, or a shown case's files are missing or lie on different grids.

    Example:
        >>> from medse.evaluate.evaluate import evaluate_folders
        >>> scores = evaluate_folders("references", "moved_1", "report", {"bright": 3, "dim": 7})
        >>> write_report("report", "references", "moved_1", images="scans").name
        'report.html'
    """
    out, images = given_path(out), None if images is None else given_path(images)
    scores = read_scores(out)
    examples = draw_examples(scores, given_path(references), given_path(predictions), images)
    page = render(scores, examples, with_images=images is not None)
    write_text(out / PAGE, page)
    write_paper_tables(out, scores)
    return out / PAGE


def render(scores: Scores, examples: Sequence[Example], *, with_images: bool) -> str:
    """Return the page as one HTML text without a reference to anything outside it."""
    classes = scores.summaries.classes
    measured = bool(np.isfinite(column(scores.rows, "volume_reference_ml")).any())
    volumes, volumes_shown = draw_volumes(scores) if measured else (b"", 0)
    lesions, all_lesions = tables.worst_lesions(scores)
    lines = tables.lines_by_class(scores) if scores.beside else []
    averaged = {classes[k].label for k in tables.single_classes(scores)}
    drawn = [name for name in DRAWN if name == "dice" or np.isfinite(column(scores.rows, name)).any()]
    environment = page_environment(TEMPLATES)
    environment.filters |= {"value": format_value, "outcome": outcome}
    return environment.get_template("page.html.j2").render(
        scores=scores,
        summaries=scores.summaries,
        settings=scores.settings,
        created=datetime.fromisoformat(scores.created).strftime("%Y-%m-%d %H:%M %Z"),
        style=STYLE_SHEET + _read("style.css"),
        script=SORTABLE + FILTERS + _read("script.js"),
        examples=examples,
        with_images=with_images,
        table=SCORES,
        distances=tables.distances_of(scores),
        infinite=tables.infinite_counts(scores),
        has_nsd=any(entry.nsd for entry in classes),
        tolerance=tables.tolerance_of_all(scores.settings.tolerance_mm),
        distributions=[draw_distribution(scores, name) for name in drawn],
        least_violin=LEAST_VIOLIN,
        measured=measured,
        volumes=volumes,
        volumes_shown=volumes_shown,
        lesions=lesions,
        all_lesions=all_lesions,
        conventions=CONVENTIONS,
        convention_scores=tables.convention_scores(scores),
        convention_lines=lines,
        convention_means=tables.lines_over_classes([line for line in lines if line.label in averaged]),
        case_lines=tables.case_lines(scores),
        worst_rows=sorted(scores.rows, key=tables.badness)[: tables.MOST_ROWS],
        grouped=scores.summaries.groups != scores.summaries.cases,
        lists=tables.value_lists(scores, IGNORE),
        others=OTHERS,
        limits=LIMITS,
        few=FEW,
        many=len(classes) > MANY,
        matrix=len(classes) <= MATRIX,
    )


def _read(name: str) -> str:
    return TEMPLATES.joinpath(name).read_text(encoding="utf-8")
