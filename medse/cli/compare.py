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
    score: Annotated[
        ComparedScore | None, typer.Option(help="What to compare of label maps; dice by default.")
    ] = None,
) -> None:
    """Compare models on the same cases: better, worse or not distinguishable."""
    from medse.compare.classification_reading import any_classifier

    if any_classifier(models):
        _compare_classifiers(models, out, score)
        return
    from medse.cli.tables.comparison import comparison_table
    from medse.compare.compare import PAGE, compare_reports
    from medse.compare.wording import Wording, cautions

    with console.status("Comparing", spinner=WAITING):
        found = compare_reports(models, out, score="dice" if score is None else score.value)
    console.print(comparison_table(found))
    wording = Wording(found)
    say(wording.result())
    say(wording.seeds())
    for caution in cautions(found):
        say(f"Caution: {caution}")
    say(f"Comparison: {out / PAGE}")


def _compare_classifiers(models: list[str], out: Path, score: ComparedScore | None) -> None:
    from medse.cli.tables.classifier_comparison import classifier_comparison_table, tests_table
    from medse.compare.classification import compare_classifiers
    from medse.compare.classification_wording import cautions, results, seeds
    from medse.compare.compare import PAGE
    from medse.errors import InputError

    if score is not None:
        raise InputError(
            f"--score {score.value} is of label maps, and the folders hold scores of classifiers: accuracy, balanced "
            "accuracy and macro AUC are compared; leave it out."
        )
    with console.status("Comparing", spinner=WAITING):
        found = compare_classifiers(models, out)
    console.print(classifier_comparison_table(found))
    for tests in found.beside:
        console.print(tests_table(tests, naive=found.naive))
    for sentence in [*results(found), seeds(found)]:
        say(sentence)
    for caution in cautions(found):
        say(f"Caution: {caution}")
    say(f"Comparison: {out / PAGE}")
