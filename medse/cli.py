"""The command line: the only place that prints, or that turns an error into an exit code.

Exit codes: 0 done; 1 a fault of medse itself; 2 something that was given cannot be used; 130 interrupted.
Commands import what they need inside their function, so that ``medse --help`` answers at once and
``medse evaluate`` never loads torch.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from medse.errors import InputError

if TYPE_CHECKING:
    from medse.labels import Labels
    from medse.metrics.scores import Scores

app = typer.Typer(
    name="medse",
    help="Medical image segmentation with squeeze-and-excitation attention: train from one YAML file, "
    "predict NIfTI label maps, get a Dice report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
console = Console()
errors = Console(stderr=True, highlight=False, soft_wrap=True)

Config = Annotated[
    Path, typer.Argument(help="YAML file, or the name of a packaged one such as quickstart.yaml.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Values that replace those of the file: optimizer.lr=1e-3 net.attention=none ..."),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command."""


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(help="Folder for everything; new or empty.")] = Path(
        "medse-quickstart"
    ),
) -> None:
    """Train, predict and score on a generated brain cohort: no download, under five minutes."""
    from medse.quickstart import quickstart as run

    _quiet()
    result = run(out, console)
    _print_scores(result.held_out, "Dice on held-out subjects of the generated cohort")
    template = result.template.summaries.mean_dice.mean
    console.print(f"The real template, never trained on: mean Dice {template:.3f}.", highlight=False)
    console.print(
        "The cohort is generated from one template: these figures say that medse works here, not how well it "
        "does on patients."
    )
    console.print(f"Report: {result.report}", highlight=False, soft_wrap=True)


@app.command()
def check(config: Config, overrides: Overrides = None) -> None:
    """Validate a configuration and its data without training."""
    from medse.check import check as run
    from medse.config.packaged import find_config
    from medse.config.run import load_config
    from medse.tables import findings_table

    _quiet()
    console.print(findings_table(run(load_config(find_config(config), overrides or []))))


@app.command()
def train(
    config: Config,
    overrides: Overrides = None,
    fold: Annotated[int, typer.Option(help="Fold to validate on, from 0.")] = 0,
    run: Annotated[Path | None, typer.Option(help="Run directory; runs/CONFIG_foldN by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run after its last epoch.")] = False,
) -> None:
    """Train one fold and leave weights, log, splits and provenance in a run directory."""
    from medse.config.packaged import find_config
    from medse.config.run import load_config
    from medse.train import train as fit

    _quiet()
    folder = run or Path("runs") / f"{config.stem}_fold{fold}"
    loaded = load_config(find_config(config), overrides or [])
    try:
        fit(loaded, folder, fold=fold, resume=resume, console=console)
    except KeyboardInterrupt:
        errors.print(f"Interrupted; continue with the same command and --resume --run {folder}.")
        raise SystemExit(130) from None
    console.print(f"Trained: {folder}", highlight=False, soft_wrap=True)


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Run directory that train made.")],
    inputs: Annotated[list[Path], typer.Argument(help="NIfTI files, or folders of them.")],
    out: Annotated[Path, typer.Option(help="Folder for the label maps; new or empty.")],
    device: Device = "auto",
    weights: Annotated[
        str, typer.Option(help="final, or best: the epoch with the best validation proxy.")
    ] = "final",
) -> None:
    """Write a label map for each scan, on exactly the scan's grid."""
    from medse.predict import WEIGHTS
    from medse.predict import predict as run_predict
    from medse.registry import pick

    _quiet()
    chosen = pick(WEIGHTS, weights, "weights")
    written = []
    with console.status("Segmenting"):
        for path in run_predict(run, inputs, out, device=device, weights=chosen):
            written.append(path)
            console.print(str(path), highlight=False, soft_wrap=True)
    console.print(f"{len(written)} label maps in {out}", highlight=False, soft_wrap=True)


@app.command()
def evaluate(
    references: Annotated[Path, typer.Argument(help="Folder of reference label maps, or one file.")],
    predictions: Annotated[Path, typer.Argument(help="Folder of predicted label maps, or one file.")],
    out: Annotated[
        Path, typer.Option(help="Folder for scores.csv, scores.json and report.html; new or empty.")
    ],
    labels: Annotated[
        Path | None, typer.Option(help="Names of the classes: a configuration, or a dataset.json.")
    ] = None,
    cases: Annotated[
        Path | None, typer.Option(help="Text file with the case ids to score, one per line.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of the scans, shown under the contours.")
    ] = None,
) -> None:
    """Score label maps against references and write the Dice report."""
    from medse.evaluate import evaluate as score
    from medse.report import write_report

    scores = score(references, predictions, out, labels=_read_labels(labels), cases=cases)
    page = write_report(out, references, predictions, images=images)
    _print_scores(scores, "Dice")
    console.print(f"Report: {page}", highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command line; an :class:`InputError` becomes one sentence and exit code 2."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    try:
        app(args=arguments)
    except InputError as error:
        if debug:
            raise
        errors.print(f"Error: {error}", markup=False)
        raise SystemExit(2) from None
    except OSError as error:
        if debug:
            raise
        errors.print(
            f"Error: {error.filename or 'a file'}: {error.strerror or error}; check the path and free space."
        )
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        raise SystemExit(130) from None


def _read_labels(path: Path | None) -> "Labels | None":
    """Read the names of the classes from a configuration or a ``dataset.json``."""
    from medse.config.mistakes import validate
    from medse.config.packaged import find_config
    from medse.config.sections import Scoring
    from medse.config.strict_yaml import read_yaml
    from medse.labels import read_dataset_labels

    if path is None:
        return None
    if path.suffix == ".json":
        return read_dataset_labels(path)
    return read_dataset_labels(validate(read_yaml(find_config(path)), Scoring).data.root / "dataset.json")


def _print_scores(scores: "Scores", title: str) -> None:
    from medse.tables import empty_masks, score_table

    console.print(score_table(scores, title))
    if line := empty_masks(scores):
        console.print(line, highlight=False)


def _quiet() -> None:
    """Keep the libraries' own notices off the terminal; to be called after they were imported."""
    import logging
    import warnings

    warnings.filterwarnings("ignore", module=r"(lightning|monai|torch)\b")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
