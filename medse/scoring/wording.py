"""Lists of names in messages."""

from collections.abc import Sequence

SHOWN = 5
"""How many names a message lists before it only counts."""


def count(names: Sequence[str], one: str, several: str) -> str:
    """Return how many there are of what: ``1 file`` or ``3 files``."""
    return f"{len(names)} {one if len(names) == 1 else several}"


def some(names: Sequence[str]) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
