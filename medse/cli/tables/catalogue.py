"""A list of blocks or networks on the terminal: what each costs, where it is from and when to use it."""

from collections.abc import Callable, Mapping
from typing import Protocol

from rich.markup import escape
from rich.table import Table

from medse.attention.papers import Paper
from medse.cli.tables.quantities import short
from medse.errors import InputError
from medse.profiling.cost import Cost


class Described(Protocol):
    """A class that is its own entry in a catalogue."""

    papers: tuple[Paper, ...]
    use: str


def list_members(
    title: str, kind: str, members: Mapping[str, Described], cost_of: Callable[[str], Cost]
) -> tuple[Table, list[str]]:
    """Return a row for each member, and a sentence for each whose cost ``cost_of`` refused to count."""
    table = Table(title=title, title_justify="left")
    table.add_column(kind, no_wrap=True)
    table.add_column("parameters", justify="right", no_wrap=True)
    table.add_column("FLOPs", justify="right", no_wrap=True)
    table.add_column("from")
    table.add_column("use")
    refused = []
    for name, member in members.items():
        numbers = ("-", "-")
        try:
            found = cost_of(name)
            numbers = (f"{found.parameters:,}", short(found.flops))
        except InputError as error:
            refused.append(escape(f"{name}: {error}"))
        table.add_row(
            name, *numbers, member.papers[0].short if member.papers else "medse", escape(member.use)
        )
    return table, refused
