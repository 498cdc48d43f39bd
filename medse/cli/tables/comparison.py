"""A comparison on the terminal; the command line prints it."""

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from medse.compare.result import Comparison
from medse.compare.wording import Wording, p_value


def comparison_table(comparison: Comparison) -> Table:
    """List the mean over classes of every pair of models; of only two models every class as well."""
    wording, found = Wording(comparison), comparison.found
    two = len(found.models) == 2
    first, second = (model.name for model in found.models) if two else ("first", "second")
    title = f"{wording.score.heading}, {first} minus {second}, p after Holm"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD)
    table.add_column("class" if two else "first − second", overflow="fold")
    for name in ("n", "difference [95 % interval]", "p"):
        table.add_column(escape(name), justify="right", no_wrap=True)
    table.add_column(escape(f"{first} is"), no_wrap=True)
    for row in found.rows if two else found.overall:
        name = row.label or "mean of classes" if two else f"{row.first} − {row.second}"
        difference = f"{wording.signed(row.difference)} {wording.interval(row)}"
        cells = [name, str(row.n), difference, p_value(row.p_holm), row.verdict]
        table.add_row(*map(escape, cells), end_section=row is found.overall[-1])
    return table
