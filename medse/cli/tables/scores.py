"""Scores on the terminal."""

import math

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medse.scores.scores import ClassScores, Scores
from medse.scores.statistics import Summary


def print_scores(console: Console, scores: Scores, title: str) -> None:
    """Print the summary by class, and how many masks were empty."""
    console.print(score_table(scores, title))
    if line := empty_masks(scores):
        console.print(line, highlight=False, markup=False)


def score_table(scores: Scores, title: str) -> Table:
    """Summarise Dice, and HD95 and NSD where they were computed, by class and over the classes."""
    table = Table(title=title, title_justify="left")
    classes = scores.summaries.classes
    extra = [name for name in ("HD95 mm", "NSD") if any(_extra(entry, name) for entry in classes)]
    for name in ("class", "n", "mean [95 %]", "sd", "lowest", *extra):
        table.add_column(
            escape(name), justify="left" if name == "class" else "right", no_wrap=name != "class"
        )
    for entry in classes:
        further = [_extra(entry, name) for name in extra]
        table.add_row(*_cells(entry.label, entry.dice), *further, end_section=entry is classes[-1])
    table.add_row(*_cells("mean of classes", scores.summaries.mean_dice))
    return table


def empty_masks(scores: Scores) -> str:
    """Say how many masks were empty; an empty text where none was."""
    ledger = scores.summaries.ledger
    if not (ledger.both_empty or ledger.missed or ledger.hallucinated):
        return ""
    return (
        f"Empty masks (case x class): {ledger.both_empty} in both, {ledger.missed} missed, "
        f"{ledger.hallucinated} hallucinated."
    )


def _extra(entry: ClassScores, name: str) -> str:
    """Return the mean of a further score; an empty text where it was not computed."""
    if name == "NSD":
        return "" if entry.nsd is None else f"{entry.nsd.mean:.3f}"
    return "" if entry.hd95_mm is None else f"{entry.hd95_mm.every.mean:.2f}"


def _cells(name: str, dice: Summary) -> list[str]:
    interval = f" [{dice.low_95:.3f}, {dice.high_95:.3f}]" if math.isfinite(dice.low_95) else ""
    spread = f"{dice.sd:.3f}" if math.isfinite(dice.sd) else ""
    cells = (
        name,
        str(dice.n),
        f"{dice.mean:.3f}{interval}",
        spread,
        f"{dice.minimum:.3f}",
    )
    return [escape(cell) for cell in cells]
