"""Table of the three trainings of ``medse leakage`` for the terminal."""

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:  # it comes with torch
    from medse.leakage import Leakage


def leakage_table(found: "Leakage") -> Table:
    """Show each score of each training with its interval, and the gap."""
    table = Table(title="The same model, trained and validated in three ways", title_justify="left")
    names = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_auc": "macro AUC"}
    for heading in ("score", *found.scores, "images - groups"):
        table.add_column(heading.replace("_", " "), justify="left" if heading == "score" else "right")
    for gap in found.gaps:
        cells = []
        for scores in found.scores.values():
            estimate = getattr(scores.overall, gap.score)
            cells.append(f"{estimate.value:.3f} [{estimate.low_95:.3f}, {estimate.high_95:.3f}]")
        table.add_row(names[gap.score], *cells, f"{gap.value:+.3f} [{gap.low_95:+.3f}, {gap.high_95:+.3f}]")
    table.add_row("images", *(str(scores.n) for scores in found.scores.values()), "")
    table.add_row("groups", *(str(scores.groups) for scores in found.scores.values()), "")
    return table
