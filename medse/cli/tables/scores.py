"""Scores on the terminal."""

import math

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medse.scores.scores import ClassScores, Scores
from medse.scores.statistics import Summary
from medse.scores.table import SCORES


def print_scores(console: Console, scores: Scores, title: str) -> None:
    """Print the summary by class, and how many masks were empty."""
    console.print(score_table(scores, title))
    if line := empty_masks(scores):
        console.print(line, highlight=False, markup=False)


def score_table(scores: Scores, title: str) -> Table:
    """Summarise Dice, and HD95 and NSD where they were computed, by class and over the classes."""
    table = Table(title=title, title_justify="left")
    classes = scores.summaries.classes
    extra = [name for name in ("hd95_mm", "nsd") if any(getattr(entry, name) for entry in classes)]
    headings = ("n", "mean [95 %]", "sd", "lowest", *(SCORES[name].heading for name in extra))
    table.add_column("class")
    for name in headings:
        table.add_column(escape(name), justify="right", no_wrap=True)
    for entry in classes:
        further = [_mean(entry, name) for name in extra]
        table.add_row(*_cells(entry.label, entry.dice), *further, end_section=entry is classes[-1])
    table.add_row(*_cells("mean of classes", scores.summaries.mean_dice))
    return table


def empty_masks(scores: Scores) -> str:
    """Say how many masks were empty; an empty text where none was."""
    found = scores.summaries.empty_masks
    if not found.any:
        return ""
    return (
        f"Empty masks (case x class): {found.both_empty} in both, {found.false_negatives} false negative, "
        f"{found.false_positives} false positive."
    )


def _mean(entry: ClassScores, name: str) -> str:
    """Return the mean of a further score; an empty text where it was not computed."""
    summary = entry.summary(name)
    return "" if summary is None else f"{summary.mean:.{SCORES[name].decimals}f}"


def _cells(name: str, dice: Summary) -> list[str]:
    interval = f" [{dice.low_95:.3f}, {dice.high_95:.3f}]" if math.isfinite(dice.low_95) else ""
    spread = f"{dice.sd:.3f}" if math.isfinite(dice.sd) else ""
    cells = (name, str(dice.n), f"{dice.mean:.3f}{interval}", spread, f"{dice.minimum:.3f}")
    return [escape(cell) for cell in cells]
