"""Names that can stand in a table."""

from collections.abc import Iterable
from unicodedata import category

from medse.errors import InputError

UNFIT = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's categories of tabs and other control characters, of bytes that are no UTF-8, and of ends of lines."""


def check_names(names: Iterable[str], what: str) -> None:
    """Raise unless every name is a line of text.

    Args:
        names: Of cases or classes.
        what: What they are, in the singular.

    Raises:
        InputError: One is blank, or holds a control character or a byte that is no text.
    """
    for name in names:
        if not name.strip() or any(category(letter) in UNFIT for letter in name):
            raise InputError(
                f"The {what} {name!r} cannot stand in a table; a name is one line of text and not blank; rename it."
            )
