"""Filling the page's templates."""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files

import numpy as np
from jinja2 import Environment

from medse.labels import IGNORE
from medse.metrics.conventions.table import CONVENTIONS
from medse.pages.html import page_environment
from medse.pages.numbers import format_length, format_score, format_signed, outcome
from medse.report import convention_table
from medse.report.agreement import LIMITS, draw_volumes
from medse.report.case_table import case_lines, worst_rows
from medse.report.choice import single_classes
from medse.report.distribution import LEAST_VIOLIN, Distribution, ScoreName, draw_distribution
from medse.report.examples import Example
from medse.report.lesion_table import worst_lesions
from medse.report.panels import OTHERS
from medse.report.scored import distance, distances_of, infinite_counts, tolerance_of_all, value_lists
from medse.scores.scores import Scores
from medse.scores.summaries import column

TEMPLATES = files("medse.report").joinpath("template")
MANY = 20
"""Above this many classes the longest tables are folded or shortened."""
MATRIX = 6
"""Up to this many classes the table of cases has a column for each."""
FEW = 10
"""Below this many groups the page warns that bootstrap intervals come out too narrow."""


def render(scores: Scores, examples: Sequence[Example], *, with_images: bool) -> str:
    """Return the page as one HTML text without a reference to anything outside it."""
    classes = len(scores.summaries.classes)
    measured = bool(np.isfinite(column(scores.rows, "volume_reference_ml")).any())
    volumes, volumes_shown = draw_volumes(scores) if measured else (b"", 0)
    lesions, all_lesions = worst_lesions(scores)
    lines = convention_table.lines_by_class(scores) if scores.beside else []
    averaged = {scores.summaries.classes[k].label for k in single_classes(scores)}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            scores=scores,
            summaries=scores.summaries,
            settings=scores.settings,
            created=datetime.fromisoformat(scores.created).strftime("%Y-%m-%d %H:%M %Z"),
            style=_read("style.css"),
            script=_read("script.js"),
            examples=examples,
            with_images=with_images,
            distances=distances_of(scores),
            distance=distance,
            infinite=infinite_counts(scores),
            has_nsd=any(entry.nsd for entry in scores.summaries.classes),
            tolerance=tolerance_of_all(scores.settings.tolerance_mm),
            distributions=_draw_distributions(scores),
            least_violin=LEAST_VIOLIN,
            measured=measured,
            volumes=volumes,
            volumes_shown=volumes_shown,
            lesions=lesions,
            all_lesions=all_lesions,
            conventions=CONVENTIONS,
            convention_scores=convention_table.convention_scores(scores),
            convention_lines=lines,
            convention_means=convention_table.lines_over_classes(
                [line for line in lines if line.label in averaged]
            ),
            case_lines=case_lines(scores),
            worst_rows=worst_rows(scores),
            grouped=scores.summaries.groups != scores.summaries.cases,
            lists=value_lists(scores, IGNORE),
            others=OTHERS,
            limits=LIMITS,
            few=FEW,
            many=classes > MANY,
            matrix=classes <= MATRIX,
        )
    )


def _draw_distributions(scores: Scores) -> list[Distribution]:
    """Draw the scores that were computed in some case."""
    names: tuple[ScoreName, ...] = ("dice", "hd95_mm", "nsd")
    return [
        draw_distribution(scores, name)
        for name in names
        if name == "dice" or np.isfinite(column(scores.rows, name)).any()
    ]


def _environment() -> Environment:
    environment = page_environment(TEMPLATES)
    environment.filters |= {
        "score": format_score,
        "mm": format_length,
        "signed": format_signed,
        "outcome": outcome,
    }
    return environment


def _read(name: str) -> str:
    return TEMPLATES.joinpath(name).read_text(encoding="utf-8")
