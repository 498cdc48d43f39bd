"""Filling the page's template."""

from datetime import datetime
from importlib.resources import files

from medse.compare.cautions import cautions
from medse.compare.figures import draw_differences, draw_ranks
from medse.compare.result import Comparison
from medse.compare.statistics.trainings import Cohort
from medse.compare.statistics.verdicts import ALPHA
from medse.compare.wording import Wording, p_value
from medse.pages.html import page_environment
from medse.scores.statistics import LEVEL, RESAMPLES, SEED

MANY = 20
"""Above this many rows a table scrolls in itself."""


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
    template = environment.get_template("page.html.j2")
    found = comparison.found
    two = len(found.models) == 2
    differences, shown = draw_differences(comparison, cohort) if two else (b"", 0)
    return template.render(
        comparison=comparison,
        found=found,
        ranks=found.ranks,
        title=wording.title,
        unit=wording.unit,
        result=wording.result(),
        seeds=wording.seeds(),
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
    )
