"""The command ``medse explain``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medse.cli.arguments import OUT, Device
from medse.cli.counting import CountingBar
from medse.cli.terminal import console, quiet, say
from medse.runs import Weights

MOST = 24
"""Pictures unless another number is given."""

if TYPE_CHECKING:
    from medse.explain.explain import CaseExplained, CaseRefused


def explain(
    run: Annotated[Path, typer.Argument(help="Run directory of a classifier that train made.")],
    inputs: Annotated[
        list[Path], typer.Argument(help="Images, folders of them, or tables with a column of images.")
    ],
    out: Annotated[Path, typer.Option(*OUT, help="Folder for maps, pictures and tables; new or empty.")],
    references: Annotated[
        Path | None,
        typer.Option(
            help="What is known of the images: a CSV table (image, label[, mask][, group]), or a folder with one for "
            "each class; outlines and groups are taken from there."
        ),
    ] = None,
    cases: Annotated[
        Path | None,
        typer.Option(
            help="Explain these cases only: a text file of ids, such as validation_cases.txt of the run."
        ),
    ] = None,
    most: Annotated[
        int, typer.Option(help="Pictures that are drawn at most, the most confident mistakes first.")
    ] = MOST,
    device: Device = "auto",
    weights: Annotated[
        Weights, typer.Option(help="After the last step, or of the epoch with the best validation proxy.")
    ] = "final",
) -> None:
    """Show where a classifier looks, and how far its maps can be believed."""
    from medse.cli.tables.explained import explained_table
    from medse.config.run import options
    from medse.data.images.inputs import collect_images
    from medse.evaluate.cases import read_case_list
    from medse.evaluate.class_cases import read_references
    from medse.explain.cases import chosen, with_references
    from medse.explain.explain import OVERLAYS, explain_images
    from medse.files import refuse_inside
    from medse.predict.images import table_columns
    from medse.runs.trained_classifier import load_classifier

    quiet()
    for given in inputs:
        refuse_inside(out, given)
    loaded = load_classifier(run, device=device, weights=weights)
    images = collect_images(inputs, **table_columns(loaded.config))
    if references is not None:
        columns = {key: name for key, name in options(loaded.config.data.format).items() if key != "file"}
        images = with_references(images, read_references(references, columns))
    if cases is not None:
        images = chosen(images, read_case_list(cases))
    with ExplanationDisplay(len(images)) as show:
        found = explain_images(loaded, images, out, most=most, progress=show)
    console.print(explained_table(found))
    if found.images and most:
        say(f"Pictures: {out / OVERLAYS}")


class ExplanationDisplay(CountingBar):
    """A bar for the images; a line for each that is left out. The bar is gone after the block."""

    def __init__(self, number: int) -> None:
        super().__init__("images", "explaining", number)

    def __call__(self, event: "CaseExplained | CaseRefused") -> None:
        self.bar.advance(self.task)
        if hasattr(event, "reason"):
            say(f"{event.case}: not explained, see below")
