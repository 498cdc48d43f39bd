"""The command ``medse compare``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from medse.cli.arguments import OUT
from medse.cli.terminal import WAITING, console, say
from medse.scores.table import OF_CONVENTIONS

ComparedScore = StrEnum("ComparedScore", OF_CONVENTIONS)  # type: ignore[misc]


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            help="Folders that medse evaluate wrote, each FOLDER or NAME=FOLDER; the same name again: another "
            "training of that model, with another seed.",
            show_default=False,
        ),
    ],
    out: Annotated[Path, typer.Option(*OUT, help="Folder for the page and its tables; new or empty.")],
    score: Annotated[ComparedScore, typer.Option(help="What to compare.")] = ComparedScore["dice"],
) -> None:
    """Compare models on the same cases: better, worse or not distinguishable."""
    from medse.cli.tables.comparison import comparison_table
    from medse.compare.compare import PAGE, compare_reports
    from medse.compare.wording import Wording, cautions

    with console.status("Comparing", spinner=WAITING):
        found = compare_reports(models, out, score=score.value)
    console.print(comparison_table(found))
    wording = Wording(found)
    say(wording.result())
    say(wording.seeds())
    for caution in cautions(found):
        say(f"Caution: {caution}")
    say(f"Comparison: {out / PAGE}")
