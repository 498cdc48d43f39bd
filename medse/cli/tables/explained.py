"""What ``medse explain`` found, for the terminal."""

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from medse.explain.result import Explanation

ROWS = {
    "inside_share": "share of the map inside the outline",
    "area_share": "share of the image inside the outline",
    "hit": "map largest inside the outline",
    "insertion": "insertion (more is better)",
    "insertion_random": "insertion in a random order",
    "deletion": "deletion (less is better)",
    "deletion_random": "deletion in a random order",
}
"""Score -> what it is called."""


def explained_table(found: "Explanation") -> Table:
    """Say what maps are worth: means with their 95 % intervals."""
    table = Table(
        title=f"{found.images} images of {found.groups} groups, {found.mistakes} mistakes",
        title_justify="left",
    )
    for name in ("score", "mean", "95 % interval", "images"):
        table.add_column(name, justify="left" if name == "score" else "right")
    for name, title in ROWS.items():
        summary = found.scores[name]
        if summary.n:
            interval = f"{summary.low_95:.3f} to {summary.high_95:.3f}"
            table.add_row(title, f"{summary.mean:.3f}", interval, str(summary.n))
    return table
