"""Tables about images and their classes for the terminal."""

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from medse.cli.tables.net_facts import fact_rows
from medse.cli.tables.quantities import by
from medse.pages.split import METHODS

if TYPE_CHECKING:  # it comes with torch
    from medse.check.images import CheckedImages

KINDS = {1: "grey", 3: "colours"}


def images_table(found: "CheckedImages") -> Table:
    """Say what a configuration would do, a line per subject."""
    lengths = ((found.epochs, "epochs"), (found.minutes, "minutes"))
    ends = [
        f"{length:g} {unit[:-1] if length == 1 else unit}" for length, unit in lengths if length is not None
    ]
    beside = "".join(
        f", {count} {what}"
        for count, what in ((found.left_out, "left out"), (found.test, "for testing"))
        if count
    )
    rows = {
        "data set": f"{found.name}, {found.images} images ({found.training} training, {found.validation} "
        f"validation{beside} in fold 0)",
        "groups": str(found.groups)
        if found.groups < found.images
        else "none known: no two images are said to be of one patient",
        "split": METHODS[found.split],
        "duplicates": f"pairs across the folds: {found.across or 'none'}",
        "images": f"{KINDS[found.channels]}, {found.outlined} with an outline",
        "size": by(found.net.patch),
        **fact_rows(found.net),
        "training": f"{' or '.join(ends)}, {found.steps_per_epoch} steps per epoch, on {found.device}",
    }
    table = Table(show_header=False, box=None)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, text in rows.items():
        table.add_row(f"[bold]{name}[/bold]", escape(text))
    return table


def class_table(found: "CheckedImages") -> Table:
    """Say how often each class occurs."""
    table = Table(title="Classes", title_justify="left")
    for name in ("class", "images", "groups", "training", "validation"):
        table.add_column(name, justify="left" if name == "class" else "right")
    for one in found.classes:
        table.add_row(
            *map(escape, map(str, (one.name, one.images, one.groups, one.training, one.validation)))
        )
    return table
