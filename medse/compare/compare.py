"""Two or more reports of the same cases -> paired statistics and one self-contained HTML page."""

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from medse.compare.figures import draw_differences, draw_ranks
from medse.compare.reading import Report, make_cohort, read_reports
from medse.compare.result import Comparison, Source, write_comparison
from medse.compare.verdicts import ALPHA, Cohort, compare_models
from medse.compare.wording import Wording, cautions, p_value
from medse.files import given_path, refuse_existing, refuse_inside, write_text
from medse.pages.html import SORTABLE, STYLE_SHEET, page_environment
from medse.registry import check_arguments
from medse.scores.statistics import LEVEL, RESAMPLES, SEED
from medse.scores.table import SCORES
from medse.versions import installed_versions

PAGE = "comparison.html"
PACKAGES = ("medse", "numpy", "scipy")
MANY = 20
"""Above this many rows a table scrolls in itself."""


@check_arguments()
def compare_reports(models: Sequence[str], out: str | Path, *, score: str = "dice") -> Comparison:
    """Compare models on the same cases; write ``comparison.html``, ``.json`` and ``.csv`` into ``out``.

    Args:
        models: Folders that ``medse evaluate`` wrote, each as ``folder`` or ``name=folder``. The same name
            several times makes them trainings of one model that differ only in their seed.
        out: Folder to write to; must be absent or empty and lie outside the others.
        score: Column of ``scores.csv`` to compare: dice, iou, nsd, hd_mm, hd95_mm or assd_mm.

    Raises:
        InputError: ``out`` is not empty, a folder cannot be read, or the reports are not about the same cases,
            classes, groups, references and rules.

    Example:
        >>> from medse.evaluate.evaluate import evaluate_folders
        >>> for model in ("moved_1", "moved_2"):
        ...     scores = evaluate_folders("references", model, f"report_{model}", {"bright": 3, "dim": 7})
        >>> found = compare_reports(["near=report_moved_1", "far=report_moved_2"], "comparison")
        >>> found.score, len(found.sources)
        ('dice', 2)
    """
    out = given_path(out)
    refuse_existing(out, "give another output folder (--out) or remove it")
    reports = read_reports(models, score)
    for report in reports:
        refuse_inside(out, report.folder)
    cohort, higher = make_cohort(reports, score), SCORES[score].higher_is_better
    settings = reports[0].scores.settings
    comparison = Comparison(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=installed_versions(PACKAGES),
        score=score,
        higher_is_better=higher,
        convention=reports[0].scores.convention,
        unit=settings.unit,
        tolerance_mm=settings.tolerance_mm if score == "nsd" else {},
        sources=tuple(_source(report) for report in reports),
        found=compare_models(cohort, higher_is_better=higher),
    )
    write_comparison(out, comparison)
    write_text(out / PAGE, render(comparison, cohort))
    return comparison


def render(comparison: Comparison, cohort: Cohort) -> str:
    """Return the page as one HTML text without a reference to anything outside it."""
    environment = page_environment(files("medse.compare"))
    wording = Wording(comparison)
    environment.filters |= {
        "value": wording.value,
        "spread": wording.spread,
        "signed": wording.signed,
        "interval": wording.interval,
        "p": p_value,
    }
    found = comparison.found
    two = len(found.models) == 2
    differences, shown = draw_differences(comparison, cohort) if two else (b"", 0)
    return environment.get_template("page.html.j2").render(
        comparison=comparison,
        found=found,
        ranks=found.ranks,
        wording=wording,
        cautions=cautions(comparison),
        created=datetime.fromisoformat(comparison.created).strftime("%Y-%m-%d %H:%M %Z"),
        two=two,
        differences=differences,
        shown=shown,
        rank_figure=draw_ranks(found.ranks) if found.ranks else b"",
        alpha=ALPHA,
        level=LEVEL,
        resamples=RESAMPLES,
        seed=SEED,
        many=MANY,
        style=STYLE_SHEET,
        script=SORTABLE,
    )


def _source(report: Report) -> Source:
    scores = report.scores
    return Source(
        model=report.model,
        folder=report.folder.resolve().name,
        created=scores.created,
        medse=scores.versions.get("medse", "unknown"),
        missing_predictions=len(scores.settings.missing_predictions),
        geometry_fixed=len(scores.settings.geometry_fixed),
        resampled=len(scores.settings.resampled),
        not_scored=tuple(scores.not_scored),
    )
