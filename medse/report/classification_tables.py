"""What the tables of a classifier's page and of its paper hold."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medse.files import write_text
from medse.pages.numbers import DASH, format_score
from medse.pages.paper_tables import LATEX, MARKDOWN, latex, markdown, typeset, written
from medse.pages.split import sides_of_groups
from medse.scores.classification import CaseRow, ClassificationScores, Estimate

MOST_ROWS = 2000
"""Lines of cases on the page; the worst of them where there are more."""


@dataclass(frozen=True)
class CaseLine:
    """A case and the probability that its reference was given."""

    row: CaseRow
    of_reference: float

    @property
    def wrong(self) -> bool:
        return self.row.predicted != self.row.reference


def case_lines(scores: ClassificationScores) -> list[CaseLine]:
    """Return the cases, those whose reference was given the lowest probability first."""
    place = {label: k for k, label in enumerate(scores.labels)}
    lines = [CaseLine(row, row.probabilities[place[row.reference]]) for row in scores.rows]
    return sorted(lines, key=lambda line: (line.of_reference, line.row.case))


def write_classification_tables(out: Path, scores: ClassificationScores) -> None:
    """Write ``table.tex`` and ``table.md``: a line for each class and one for all."""
    write_text(out / LATEX, typeset(*_contents(scores, latex), label="tab:medse-classes"))
    write_text(out / MARKDOWN, written(*_contents(scores, markdown)))


def _contents(
    scores: ClassificationScores, escape: Callable[[str], str]
) -> tuple[list[str], list[list[str]], str]:
    """Return heading, lines and caption, escaped."""
    heading = ["Class", "n", "Sensitivity", "Specificity", "PPV", "AUC"]
    lines = [heading]
    for entry in scores.classes:
        by = entry.most_probable
        found = (by.sensitivity, by.specificity, by.ppv, entry.auc)
        lines.append([entry.label, str(entry.n), *map(_cell, found)])
    overall = scores.overall
    means = (_cell(overall.balanced_accuracy), "", "", _cell(overall.macro_auc))
    lines.append(["Mean over classes", str(scores.n), *means])
    escaped = [[escape(cell) for cell in line] for line in lines]
    return escaped[0], escaped[1:], escape(_caption(scores))


def _cell(estimate: Estimate) -> str:
    if math.isnan(estimate.value):
        return DASH
    between = f" [{format_score(estimate.low_95)}, {format_score(estimate.high_95)}]"
    return format_score(estimate.value) + ("" if math.isnan(estimate.low_95) else between)


def _caption(scores: ClassificationScores) -> str:
    settings, overall = scores.settings, scores.overall
    groups = f" of {scores.groups} patients or groups" if scores.groups != scores.n else ""
    sentences = [
        f"{scores.n} images{groups}: accuracy {_cell(overall.accuracy)}, balanced accuracy (mean sensitivity) "
        f"{_cell(overall.balanced_accuracy)}, mean average precision of the classes "
        f"{_cell(overall.macro_average_precision)}, Brier score {_cell(overall.brier)}, calibration error "
        f"{_cell(overall.calibration_error)}.",
        f"In brackets the {settings.interval_level:.0%} interval ({settings.interval_method}, "
        f"{settings.interval_resamples} resamples).",
        "Each class against the rest; sensitivity, specificity and PPV where the most probable class is predicted.",
    ]
    sides = sides_of_groups(scores.split, grouped=settings.grouped)
    if sides == "divided":
        sentences.append("Images of one group were trained on and scored: the numbers are too good.")
    if sides == "unknown":
        sentences.append("It is not known whether images of one patient were trained on and scored.")
    return " ".join(sentences)
