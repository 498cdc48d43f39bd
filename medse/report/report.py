"""Scores -> one self-contained HTML page, and the tables for papers."""

from pathlib import Path

from medse.files import write_text
from medse.report.examples import draw_examples
from medse.report.page import render
from medse.report.paper_tables import write_paper_tables
from medse.scores.files import read_scores

PAGE = "report.html"


def write_report(out: Path, references: Path, predictions: Path, images: Path | None = None) -> Path:
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
    """
    scores = read_scores(out)
    page = render(
        scores, draw_examples(scores, references, predictions, images), with_images=images is not None
    )
    write_text(out / PAGE, page)
    write_paper_tables(out, scores)
    return out / PAGE
