"""Writing and reading what ``medse evaluate`` found out."""

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from unicodedata import category

from pydantic import BaseModel, ValidationError

from medse.errors import InputError
from medse.files import write_text
from medse.scores.scores import ConventionRow, DetailRow, LesionRow, ScoreRow, Scores
from medse.volumes.names import UNFIT

SUMMARY = "scores.json"
TABLES: dict[str, tuple[str, type[BaseModel]]] = {
    "rows": ("scores.csv", ScoreRow),
    "details": ("details.csv", DetailRow),
    "lesions": ("lesions.csv", LesionRow),
    "beside": ("conventions.csv", ConventionRow),
}
"""Field of :class:`Scores` -> its file and what a line of it is; all but the first are left out where empty."""
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the direction of what follows: a line with one need not say what it shows."""
_FORMULA = re.compile("(?='*[=+@＝＋－＠-])(?![+-]?[0-9.]+$)")
"""Begins a name that a spreadsheet would compute, guarded or not; plain numbers are none."""


def write_scores(folder: Path, scores: Scores) -> None:
    for field, (name, model) in TABLES.items():
        if rows := getattr(scores, field):
            write_text(folder / name, csv_text(model, rows))
    write_text(folder / SUMMARY, scores.model_dump_json(indent=1) + "\n")


def read_scores(folder: Path) -> Scores:
    """Read what :func:`write_scores` wrote.

    Raises:
        InputError: A file is missing, damaged, or was not written by :func:`write_scores` of this form.
    """
    try:
        tables = {
            field: _read(folder / name)
            for field, (name, _) in TABLES.items()
            if field == "rows" or (folder / name).exists()
        }
        summary = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        return Scores.model_validate({"form": 1, **summary, **tables})
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} does not exist; run medse evaluate first.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{'.'.join(map(str, first['loc']))}: " if first["loc"] else ""
        what = where + first["msg"].removeprefix("Value error, ")
        if first["loc"] == ("form",):
            what = "another version of medse wrote them, under other names"
    except (OSError, ValueError, TypeError, RecursionError, csv.Error) as error:
        what = str(error)
    raise InputError(f"{folder} holds scores that cannot be read ({what}); run medse evaluate again.")


def check_names(names: Iterable[str], what: str) -> None:
    """Raise unless every name of a case, class or model (``what``) is a line of text.

    Raises:
        InputError: One is blank, or holds a control character, one that turns the direction of text, or a byte that
            is no text.
    """
    for name in names:
        if not name.strip() or any(category(letter) in UNFIT or letter in TURNING for letter in name):
            raise InputError(
                f"The {what} {name!r} cannot stand in a table; a name is one line of text and not blank; rename it."
            )


def csv_text(model: type[BaseModel], rows: Sequence[BaseModel]) -> str:
    """Return the rows as CSV, whose columns are the fields of ``model``.

    A name that a spreadsheet would take for a formula gets an apostrophe before it; :func:`read_scores` removes it.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(model.model_fields), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        cells = row.model_dump().items()
        writer.writerow({key: guarded(cell) if isinstance(cell, str) else cell for key, cell in cells})
    return text.getvalue()


def guarded(name: str) -> str:
    """Return a name with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{name}" if _FORMULA.match(name) else name


def as_named(name: str) -> str:
    """Undo :func:`guarded`."""
    return name[1:] if name.startswith("'") and _FORMULA.match(name) else name


def _read(path: Path) -> list[dict[str, object]]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        return [{key: _cell(cell) for key, cell in row.items() if cell != ""} for row in rows]


def _cell(cell: object) -> object:
    """Return a cell as it was written; of a damaged line it may be missing, or a list of those too many."""
    return as_named(cell) if isinstance(cell, str) else cell
