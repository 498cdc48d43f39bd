"""The command ``medse explain``."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from medse.cli.arguments import OUT, Device
from medse.cli.terminal import console, quiet, say

if TYPE_CHECKING:
    from medse.explain.explain import CaseExplained, CaseRefused


def explain(
    run: Annotated[Path, typer.Argument(help="Run directory of a classifier that train made.")],
    inputs: Annotated[list[Path], typer.Argument(help="Images, or folders that hold some at any depth.")],
    out: Annotated[Path, typer.Option(*OUT, help="Folder for maps, pictures and tables; new or empty.")],
    references: Annotated[
        Path | None,
        typer.Option(
            help="What is known of the images: a CSV table (image, label[, mask][, group]), or a folder with one "
            "for each class; outlines and groups are taken from there."
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(help="Pictures that are drawn at most, the most confident mistakes first.")
    ] = 24,
    device: Device = "auto",
) -> None:
    """Show where a classifier looks, and how far its maps can be believed."""
    from medse.cli.tables.explained import explained_table
    from medse.errors import InputError
    from medse.explain import collect_images, explain_images, read_references
    from medse.explain.classifier import TrainedClassifier
    from medse.explain.explain import OVERLAYS
    from medse.runs.trained import load_run

    quiet()
    known = None if references is None else read_references(references)
    cases = collect_images(inputs, known)
    loaded = load_run(run, device=device)
    if not isinstance(loaded, TrainedClassifier):
        raise InputError(
            f"{run} labels voxels and classifies no images; explain is for task: classification; give such a run."
        )
    with ExplanationDisplay(len(cases)) as show:
        found = explain_images(loaded, cases, out, most=most, progress=show)
    console.print(explained_table(found))
    say(f"{min(most, found.images)} pictures: {out / OVERLAYS}")


class ExplanationDisplay:
    """A bar for the images; a line for each that is left out. The bar is gone after the block."""

    def __init__(self, number: int) -> None:
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("explaining", total=number)

    def __enter__(self) -> "ExplanationDisplay":
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, event: "CaseExplained | CaseRefused") -> None:
        self.bar.advance(self.task)
        if hasattr(event, "reason"):
            say(f"{event.case}: not explained, see below")
