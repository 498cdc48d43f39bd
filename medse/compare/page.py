"""Filling the page's template."""

import base64
from datetime import datetime
from importlib.resources import files

from jinja2 import Environment, StrictUndefined

from medse.compare.cautions import cautions
from medse.compare.figures import draw_differences, draw_ranks
from medse.compare.result import Comparison
from medse.compare.wording import Wording, p_value
from medse.metrics.comparing import ALPHA
from medse.metrics.statistics import LEVEL, RESAMPLES, SEED
from medse.metrics.trainings import Cohort

MANY = 20
"""Above this many rows a table scrolls in itself."""


def render(comparison: Comparison, cohort: Cohort) -> str:
    """Return the page as one HTML text without a reference to anything outside it."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    wording = Wording(comparison)
    environment.filters |= {
        "value": wording.value,
        "spread": wording.spread,
        "signed": wording.signed,
        "interval": wording.interval,
        "p": p_value,
        "data": _data_uri,
    }
    template = environment.from_string(
        files("medse.compare").joinpath("page.html.j2").read_text(encoding="utf-8")
    )
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


def _data_uri(data: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(data).decode('ascii')}"
