"""What the tables of the page hold: cases, lesions, conventions, and which scores there are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medse.pages.numbers import outcome
from medse.scores.scores import ConventionMean, LesionRow, ScoreRow, Scores
from medse.scores.statistics import finite_mean
from medse.scores.summaries import column, convention_means, mean_classes
from medse.scores.table import OF_CONVENTIONS, SCORES

MOST_ROWS = 2400
"""Lines of cases and classes on the page; the worst of them where there are more."""
MOST_LESIONS = 300


def single_classes(scores: Scores) -> list[int]:
    """Return the positions of the classes to draw and to average: unions would hide parts or count them twice."""
    return mean_classes([entry.label for entry in scores.summaries.classes], scores.settings.merged)


def mean_dice(scores: Scores) -> dict[str, float]:
    """Return case -> mean Dice over its classes."""
    means = finite_mean(column(scores.rows, "dice")[:, single_classes(scores)])
    return dict(zip(dict.fromkeys(row.case for row in scores.rows), means.tolist(), strict=True))


def badness(row: ScoreRow) -> float:
    """Sort key: lowest Dice first, undefined last."""
    return math.inf if math.isnan(row.dice) else row.dice


@dataclass(frozen=True)
class CaseLine:
    """One case.

    Attributes:
        mean_dice: Mean over its defined classes.
        rows: In the order of the classes.
        note: Why its numbers are special: its prediction is missing, resampled or had another affine; or empty.
    """

    case: str
    group: str
    mean_dice: float
    rows: Sequence[ScoreRow]
    note: str

    @property
    def lowest(self) -> ScoreRow | None:
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
    for k, (case, mean) in enumerate(mean_dice(scores).items()):
        rows = scores.rows[k * width : (k + 1) * width]
        lines.append(CaseLine(case, rows[0].group, mean, rows, notes.get(case, "")))
    return lines


@dataclass(frozen=True)
class LesionLine:
    """A lesion, or a pair that belongs together.

    Attributes:
        reference: The lesion in the reference; None of a false positive.
        prediction: The lesion in the prediction; None of a false negative.
        dice: Of the pair; 0 without a partner.
    """

    case: str
    label: str
    outcome: str
    reference: LesionRow | None
    prediction: LesionRow | None
    dice: float

    @property
    def volume_ml(self) -> float:
        """Volume of the lesion; of a pair, that of the reference; NaN where unknown."""
        found = self.reference or self.prediction
        return math.nan if found is None else found.volume_ml


def worst_lesions(scores: Scores) -> tuple[list[LesionLine], int]:
    """Return the worst :data:`MOST_LESIONS` lines, and how many there are.

    Lesions without a partner come first, large ones before small ones; then pairs by rising Dice.
    """
    place = {(row.case, row.label, row.side, row.lesion): row for row in scores.lesions}
    lines = []
    for row in scores.lesions:
        if row.side == "reference":
            partner = place.get((row.case, row.label, "prediction", row.partner or 0))
            lines.append(LesionLine(row.case, row.label, row.outcome, row, partner, row.dice))
    for row in scores.lesions:
        if row.side == "prediction" and row.partner is None:
            lines.append(LesionLine(row.case, row.label, row.outcome, None, row, row.dice))
    lines.sort(key=lambda line: (line.outcome == "matched", line.dice, -np.nan_to_num(line.volume_ml)))
    return lines[:MOST_LESIONS], len(lines)


@dataclass(frozen=True)
class ConventionLine:
    """One convention over all classes, or in one class.

    Attributes:
        label: Class name; empty over all classes.
        means: Score -> its mean; scores that the convention lacks are left out.
    """

    convention: str
    label: str
    means: dict[str, ConventionMean]


def convention_scores(scores: Scores) -> list[str]:
    found = {
        name for entry in scores.summaries.classes for means in entry.conventions.values() for name in means
    }
    return [name for name in OF_CONVENTIONS if name in found]


def lines_by_class(scores: Scores) -> list[ConventionLine]:
    """Return a line per class and convention, the main convention first."""
    lines, classes = [], scores.summaries.classes
    for k, entry in enumerate(classes):
        own = convention_means(scores.rows[k :: len(classes)])
        lines.append(ConventionLine(scores.convention, entry.label, own))
        lines += [ConventionLine(name, entry.label, means) for name, means in entry.conventions.items()]
    return lines


def lines_over_classes(lines: Sequence[ConventionLine]) -> list[ConventionLine]:
    """Return a line per convention: the mean over the means of these classes, and the sums of the counts."""
    together = []
    for convention in dict.fromkeys(line.convention for line in lines):
        own = [line.means for line in lines if line.convention == convention]
        means = {name: [m[name] for m in own if name in m] for name in OF_CONVENTIONS}
        over = {name: _over(found) for name, found in means.items() if found}
        together.append(ConventionLine(convention, "", over))
    return together


def _over(classes: Sequence[ConventionMean]) -> ConventionMean:
    return ConventionMean(
        n=sum(entry.n for entry in classes),
        mean=float(finite_mean(np.array([entry.mean for entry in classes]))),
        undefined=sum(entry.undefined for entry in classes),
        infinite=sum(entry.infinite for entry in classes),
    )


def distances_of(scores: Scores) -> list[str]:
    classes = scores.summaries.classes
    return [
        name
        for name, score in SCORES.items()
        if score.unit == "mm" and any(entry.summary(name) for entry in classes)
    ]


def tolerance_of_all(tolerance_mm: Mapping[str, float]) -> float | None:
    """Return the tolerance where all classes have the same."""
    found = set(tolerance_mm.values())
    return found.pop() if len(found) == 1 else None


def infinite_counts(scores: Scores) -> dict[str, list[int]]:
    """Return surface distance -> in how many cases it is infinite, by class."""
    return {name: np.isinf(column(scores.rows, name)).sum(axis=0).tolist() for name in distances_of(scores)}


def value_lists(scores: Scores, ignore: str) -> dict[str, list[int]]:
    """Return the names that stand for several values, and the ignored values even if it is one."""
    labels = scores.settings.labels or {}
    lists = {name: values if isinstance(values, list) else [values] for name, values in labels.items()}
    return {name: values for name, values in lists.items() if name == ignore or len(values) > 1}
