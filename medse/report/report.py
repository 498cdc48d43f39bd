"""Scores -> one self-contained HTML page, and the tables for papers."""

from pathlib import Path

from medse.files import write_text
from medse.report.examples import draw_examples
from medse.report.page import render
from medse.report.paper_tables import write_paper_tables
from medse.scores.files import read_scores

PAGE = "report.html"


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
    """
    out, images = Path(out), None if images is None else Path(images)
    scores = read_scores(out)
    examples = draw_examples(scores, Path(references), Path(predictions), images)
    page = render(scores, examples, with_images=images is not None)
    write_text(out / PAGE, page)
    write_paper_tables(out, scores)
    return out / PAGE
