"""A CSV file of text cells: exactly what it says, with line numbers, or a refusal."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from medse.errors import InputError, nearest
from medse.files import refuse_separator


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        place: The file and the line the row begins on, for messages.
        cells: Column name -> text, without spaces at its ends.
    """

    place: str
    cells: dict[str, str]

    def __getitem__(self, column: str) -> str:
        """Return the cell of ``column``."""
        if text := self.cells[column]:
            return text
        raise InputError(
            f"{self.place} has nothing in column {column!r}; every row needs a value there; fill it in or remove "
            "the row."
        )


@dataclass(frozen=True)
class Table:
    """A header and at least one row."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def require(self, column: str, key: str) -> str:
        """Return ``column``, which the configuration gives as ``data.format.<key>``."""
        if column in self.columns:
            return column
        raise InputError(
            f"{self.path} has no column {column!r};{nearest(column, self.columns)} its columns are "
            f"{', '.join(self.columns)}; name one of them as data.format.{key} or add the column."
        )

    def optional(self, column: str, key: str, default: str) -> str | None:
        """Return ``column``, None if it is the ``default`` and the table has nothing like it.

        Raises:
            InputError: The table has no such column though it was asked for, or has it spelt otherwise.
        """
        alike = column.casefold() in (other.casefold() for other in self.columns)
        return self.require(column, key) if alike or column != default else None


def read_table(path: Path) -> Table:
    """Read comma-separated UTF-8 text with a header; blank lines are skipped.

    Raises:
        InputError: It cannot be read, has no rows, repeats a column, or a row has not the header's number of cells.
    """
    records = _records(path, _text(path))
    place, header = next(records, (str(path), []))
    columns = tuple(header)
    refuse_separator(columns, place)
    if repeated := [name for name in columns if name and columns.count(name) > 1]:
        raise InputError(
            f"{place} has the column {repeated[0]!r} twice; each needs its own name; rename one."
        )
    rows = []
    for place, cells in records:
        if len(cells) != len(columns):
            raise InputError(
                f"{place} has {len(cells)} cells and the header {len(columns)}; every row needs as many as the "
                "header; correct its commas, and put text with a comma in double quotes."
            )
        rows.append(Row(place, dict(zip(columns, cells, strict=True))))
    if not rows:
        raise InputError(f"{path} lists no cases; expected a header and a row for each case; add them.")
    return Table(path, columns, tuple(rows))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"Cannot read {path}: {error.strerror}; give the path of a CSV file as data.format.file."
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{path}, line {line} is not UTF-8 text; save the file as CSV in UTF-8.") from error


def _records(path: Path, text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each record that is not blank with the place where it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        place = f"{path}, line {reader.line_num + 1}"
        try:
            record = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(f"{place} is not CSV ({error}); correct its quotation marks.") from error
        if record not in ([], [""]):
            yield place, record
