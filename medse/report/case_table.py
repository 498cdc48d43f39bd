"""The tables of cases: one line per case, and one per case and class."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from medse.pages.numbers import outcome
from medse.report.choice import badness, mean_dice
from medse.scores.rows import ScoreRow
from medse.scores.scores import Scores

MOST_ROWS = 2400
"""Lines of cases and classes on the page; the worst of them where there are more."""


@dataclass(frozen=True)
class CaseLine:
    """One case.

    Attributes:
        mean_dice: Mean over its defined classes.
        rows: Its scores, in the order of the classes.
        note: Why its numbers are special: its prediction is missing, resampled or had another affine; or empty.
    """

    case: str
    group: str
    mean_dice: float
    rows: Sequence[ScoreRow]
    note: str

    @property
    def lowest(self) -> ScoreRow | None:
        """The class with the lowest defined Dice."""
        return min((row for row in self.rows if not math.isnan(row.dice)), key=badness, default=None)

    def count(self, word: str) -> int:
        """Number of classes with that :func:`~medse.pages.numbers.outcome`."""
        return sum(outcome(row) == word for row in self.rows)


def case_lines(scores: Scores) -> list[CaseLine]:
    """Return one line per case, in the order of the rows."""
    width, settings = len(scores.summaries.classes), scores.settings
    notes = {
        **dict.fromkeys(settings.geometry_fixed, "geometry overridden"),
        **dict.fromkeys(settings.resampled, "resampled"),
        **dict.fromkeys(settings.missing_predictions, "no prediction"),
    }
    lines = []
    for k, mean in enumerate(mean_dice(scores).values()):
        rows = scores.rows[k * width : (k + 1) * width]
        case = rows[0].case
        lines.append(CaseLine(case, rows[0].group, mean, rows, notes.get(case, "")))
    return lines


def worst_rows(scores: Scores) -> list[ScoreRow]:
    """Return at most :data:`MOST_ROWS` lines of ``scores.csv``, lowest Dice first, undefined last."""
    return sorted(scores.rows, key=badness)[:MOST_ROWS]
