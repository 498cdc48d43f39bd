"""Filling the page's template."""

import base64
import math
from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files

import numpy as np
from jinja2 import Environment, StrictUndefined

from medse.labels import IGNORE
from medse.metrics.rows import ScoreRow
from medse.metrics.scores import Scores
from medse.metrics.statistics import case_means
from medse.metrics.summaries import cases, column
from medse.report.examples import Example
from medse.report.figures import LIMITS, draw_distribution, draw_volumes
from medse.report.panels import OTHERS

DASH = "–"
MANY = 20
"""Above this many classes the longest tables are folded or shortened."""
FEW = 10
"""Below this many groups the page warns that bootstrap intervals come out too narrow."""


def render(scores: Scores, examples: list[Example], *, with_images: bool) -> str:
    """Return the page as one HTML text without a reference to anything outside it."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "score": format_score,
        "signed": format_signed,
        "data": _data_uri,
        "outcome": outcome,
    }
    template = environment.from_string(
        files("medse.report").joinpath("page.html.j2").read_text(encoding="utf-8")
    )
    names = cases(scores.rows)
    means = case_means(column(scores.rows, "dice")).tolist()
    width = len(scores.summaries.classes)
    distribution, distribution_shown = draw_distribution(scores)
    measured = bool(np.isfinite(column(scores.rows, "volume_reference_ml")).any())
    volumes, volumes_shown = draw_volumes(scores) if measured else (b"", 0)
    return template.render(
        scores=scores,
        summaries=scores.summaries,
        settings=scores.settings,
        examples=examples,
        with_images=with_images,
        created=datetime.fromisoformat(scores.created).strftime("%Y-%m-%d %H:%M %Z"),
        lists=_value_lists(scores),
        distribution=distribution,
        distribution_shown=distribution_shown,
        measured=measured,
        volumes=volumes,
        volumes_shown=volumes_shown,
        table=[
            (case, mean, scores.rows[k * width : (k + 1) * width])
            for k, (case, mean) in enumerate(zip(names, means, strict=True))
        ],
        lowest=_lowest,
        others=OTHERS,
        limits=LIMITS,
        few=FEW,
        many=width > MANY,
        isnan=math.isnan,
    )


def _value_lists(scores: Scores) -> dict[str, list[int]]:
    """Return the names that stand for several values, and the ignored values even if it is one."""
    labels = scores.settings.labels or {}
    lists = {name: values if isinstance(values, list) else [values] for name, values in labels.items()}
    return {name: values for name, values in lists.items() if name == IGNORE or len(values) > 1}


def _lowest(rows: Sequence[ScoreRow]) -> ScoreRow | None:
    """Return the class with the lowest defined Dice of a case."""
    return min((row for row in rows if not math.isnan(row.dice)), key=lambda row: row.dice, default=None)


def outcome(row: ScoreRow) -> str:
    """Say in a word which mask is empty, if one is."""
    words = {(False, True): "missed", (True, False): "hallucinated", (True, True): "both empty"}
    return words.get((row.reference_empty, row.prediction_empty), "")


def format_score(value: float) -> str:
    """Format a score; a dash where it is undefined."""
    return DASH if math.isnan(value) else f"{value:.3f}"


def format_ml(value: float) -> str:
    """Format a volume to three significant digits without an exponent; a dash where it is undefined."""
    if math.isnan(value):
        return DASH
    digits = 2 if value == 0 else max(0, min(6, 2 - math.floor(math.log10(abs(value)))))
    return f"{value:.{digits}f}".replace("-", "−")


def format_signed(value: float) -> str:
    """As :func:`format_ml`, with a plus sign where it is positive."""
    return ("+" if value > 0 else "") + format_ml(value)


def _data_uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
