"""What other conventions make of the same masks, side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from medse.scores.convention_means import convention_mean
from medse.scores.scores import ClassScores, ConventionMean, Scores
from medse.scores.summaries import column

HEADINGS = {
    "dice": "Dice",
    "iou": "IoU",
    "hd_mm": "HD, mm",
    "hd95_mm": "HD95, mm",
    "assd_mm": "ASSD, mm",
    "nsd": "NSD",
}
"""Score -> how a heading calls it."""


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


def convention_scores(scores: Scores) -> dict[str, str]:
    """Return the scores that a convention beside the main one has, with their headings."""
    found = {
        name for entry in scores.summaries.classes for means in entry.conventions.values() for name in means
    }
    return {name: heading for name, heading in HEADINGS.items() if name in found}


def lines_by_class(scores: Scores) -> list[ConventionLine]:
    """Return a line per class and convention, the main convention first."""
    lines = []
    for k, entry in enumerate(scores.summaries.classes):
        lines.append(ConventionLine(scores.convention, entry.label, _own(scores, k)))
        lines += [ConventionLine(name, entry.label, means) for name, means in entry.conventions.items()]
    return lines


def lines_over_classes(lines: Sequence[ConventionLine]) -> list[ConventionLine]:
    """Return a line per convention: the mean over the means of these classes, and the sums of the counts."""
    together = []
    for convention in dict.fromkeys(line.convention for line in lines):
        own = [line.means for line in lines if line.convention == convention]
        names = [name for name in HEADINGS if any(name in means for means in own)]
        together.append(
            ConventionLine(
                convention, "", {name: _over([m[name] for m in own if name in m]) for name in names}
            )
        )
    return together


def _own(scores: Scores, k: int) -> dict[str, ConventionMean]:
    """Return the means of the main convention in the ``k``-th class."""
    entry: ClassScores = scores.summaries.classes[k]
    means = {}
    for name in HEADINGS:
        if getattr(entry, name) is not None:
            means[name] = convention_mean(column(scores.rows, name)[:, k])
    return means


def _over(classes: Sequence[ConventionMean]) -> ConventionMean:
    defined = [entry.mean for entry in classes if entry.n]
    return ConventionMean(
        n=sum(entry.n for entry in classes),
        mean=sum(defined) / len(defined) if defined else math.nan,
        undefined=sum(entry.undefined for entry in classes),
        infinite=sum(entry.infinite for entry in classes),
    )
