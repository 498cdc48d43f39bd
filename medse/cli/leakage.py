"""The command ``medse leakage``."""

from pathlib import Path
from typing import Annotated

import typer

from medse.cli.arguments import OUT, Config, Overrides
from medse.cli.terminal import console, quiet, say


def leakage(
    config: Config,
    overrides: Overrides = None,
    *,
    out: Annotated[
        Path, typer.Option(*OUT, help="Folder for the three runs and their reports; new or empty.")
    ],
    fold: Annotated[int, typer.Option(help="Fold to validate on, from 0.")] = 0,
) -> None:
    """Train a classifier split by groups, by single images, and with random classes: what seeing the patient does.

    Takes three times as long as one training.
    """
    from medse.cli.tables.leakage import leakage_table
    from medse.cli.training import TrainingDisplay
    from medse.config.run import load_config
    from medse.leakage import WAYS, measure_leakage

    loaded = load_config(config, overrides or [])
    quiet()
    with TrainingDisplay() as show:
        found = measure_leakage(loaded, out, fold=fold, progress=lambda way: show.of(WAYS[way]))
    console.print(leakage_table(found))
    say(
        f"Two-proportion z test of the accuracies, naive where images share a group: z = {found.z:.3f}, "
        f"p = {found.p:.2g}."
    )
    say(f"Reports: {out}/*/report, {out / 'leakage.json'}")
