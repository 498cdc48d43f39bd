"""A comparison of classifiers -> one self-contained HTML page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import get_args

from medse.compare.classification_figures import MOST_ROWS, draw_score_differences
from medse.compare.classification_reading import ClassifierReport, classified
from medse.compare.classification_result import ClassificationComparison
from medse.compare.classification_wording import cautions, difference_text, interval_text, results, seeds
from medse.compare.verdicts import ALPHA
from medse.compare.wording import p_value
from medse.evaluate.classifier_numbers import confusion_counts
from medse.metrics.classification.measures import Classified
from medse.pages.html import FILTERS, SORTABLE, STYLE_SHEET, page_environment
from medse.pages.split import Sides, sides_of_groups
from medse.scores.classification import CaseRow
from medse.scores.classification_table import CLASSIFIER_SCORES
from medse.scores.statistics import LEVEL

MANY = 20
"""Above this many rows a table scrolls in itself."""
MOST_DISAGREEMENTS = 500
"""Cases on the page on which models disagree; those with the largest differences where there are more."""


@dataclass(frozen=True)
class Paired:
    """Cases by which of two models has them right."""

    both: int
    only_first: int
    only_second: int
    neither: int


@dataclass(frozen=True)
class Answer:
    """What a model says of a case."""

    predicted: str
    of_reference: float
    wrong: bool


@dataclass(frozen=True)
class Disagreement:
    """A case that models give different classes; ``spread``: how far their probabilities of its reference differ."""

    row: CaseRow
    answers: tuple[Answer, ...]
    spread: float


def render_classifiers(comparison: ClassificationComparison, reports: Sequence[ClassifierReport]) -> str:
    """Return the page as one HTML text without a reference to anything outside it.

    Args:
        comparison: What was found out.
        reports: What was compared; confusion and disagreements are of the first training of each model.
    """
    environment = page_environment(files("medse.compare"))
    environment.filters |= {"difference": difference_text, "interval": interval_text, "p": p_value}
    firsts = {report.model: report for report in reversed(reports)}
    firsts = {model.name: firsts[model.name] for model in comparison.models}
    found = {name: classified(report, comparison.classes) for name, report in firsts.items()}
    disagreements = find_disagreements(list(firsts.values()))
    sides: dict[Sides, list[str]] = {side: [] for side in get_args(Sides)}
    for source in comparison.sources:
        sides[sides_of_groups(source.split, grouped=comparison.naive)].append(source.folder)
    return environment.get_template("classification_page.html.j2").render(
        comparison=comparison,
        models=comparison.models,
        two=len(comparison.models) == 2,
        results=results(comparison),
        seeds=seeds(comparison),
        cautions=cautions(comparison),
        sides=sides,
        created=datetime.fromisoformat(comparison.created).strftime("%Y-%m-%d %H:%M %Z"),
        titles={name: score.title for name, score in CLASSIFIER_SCORES.items()},
        figure=draw_score_differences(comparison),
        most_drawn=MOST_ROWS,
        pairs=[(tests, count_right(found[tests.first], found[tests.second])) for tests in comparison.beside],
        confusions={name: confusion_counts(one) for name, one in found.items()},
        disagreements=disagreements[:MOST_DISAGREEMENTS],
        all_disagreements=len(disagreements),
        repeated=len(reports) > len(comparison.models),
        alpha=ALPHA,
        level=LEVEL,
        many=MANY,
        style=STYLE_SHEET,
        script=SORTABLE + FILTERS,
    )


def count_right(one: Classified, other: Classified) -> Paired:
    """Count the cases that both, one or none of two models have right."""
    first, second = one.correct == 1, other.correct == 1
    counts = (first & second, first & ~second, ~first & second, ~first & ~second)
    return Paired(*(int(cases.sum()) for cases in counts))


def find_disagreements(reports: Sequence[ClassifierReport]) -> list[Disagreement]:
    """Return the cases that not all models give the same class, the largest differences first."""
    found = []
    for rows in zip(*(report.scores.rows for report in reports), strict=True):
        if len({row.predicted for row in rows}) == 1:
            continue
        answers = tuple(
            Answer(
                row.predicted,
                row.probabilities[report.scores.labels.index(row.reference)],
                row.predicted != row.reference,
            )
            for row, report in zip(rows, reports, strict=True)
        )
        chances = [answer.of_reference for answer in answers]
        found.append(Disagreement(rows[0], answers, max(chances) - min(chances)))
    return sorted(found, key=lambda one: (-one.spread, one.row.case))
