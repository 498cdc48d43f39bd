"""The commands.

They import what they need inside their functions, so that ``medse --help`` answers at once and
``medse evaluate`` never loads torch.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medse.cli.arguments import OUT, Config, Device, Dims, FixGeometry, Overrides
from medse.cli.compare import compare
from medse.cli.evaluate import EvaluateCommand, evaluate
from medse.cli.explain import explain
from medse.cli.leakage import leakage
from medse.cli.net import net
from medse.cli.terminal import WAITING, console, errors, quiet, run_app, say
from medse.phantoms import Body
from medse.runs import Weights

if TYPE_CHECKING:
    from medse.config.run import Config as RunConfig

ALL = "all"
"""What --fold is for every fold, one after the other."""

app = typer.Typer(
    name="medse",
    help="Medical image segmentation and classification with squeeze-and-excitation attention: train from one YAML "
    "file, predict NIfTI label maps or classes, get a report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from medse.versions import version_of

        say(f"medse {version_of('medse')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Options of every command."""


@app.command()
def quickstart(
    out: Annotated[Path, typer.Option(*OUT, help="Folder for everything; new or empty.")] = Path(
        "medse-quickstart"
    ),
    body: Annotated[Body, typer.Option(help="What is generated; torsos take ten minutes.")] = "brain",
) -> None:
    """Train, predict and score on a generated cohort: no download, under five minutes; torsos take ten."""
    from medse.cli.quickstart import quickstart as run
    from medse.cli.tables.classification import print_classification
    from medse.cli.tables.scores import print_scores
    from medse.scores.scores import Scores

    quiet()
    result = run(out, body=body)
    if isinstance(result.held_out, Scores):
        print_scores(console, result.held_out, "Dice on held-out subjects of the generated cohort")
    else:
        print_classification(console, result.held_out)
    if result.template:
        template = result.template.summaries.mean_dice.mean
        console.print(f"The real template, never trained on: mean Dice {template:.3f}.", highlight=False)
    source = "from one template" if result.template else "and holds no real patients"
    console.print(
        f"The cohort is generated {source}: these figures say that medse works here, not how well it "
        "does on patients."
    )
    say(f"Report: {result.report}")


@app.command()
def check(
    given: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG|SCAN",
            help="A configuration or the name of a packaged one; or a scan, or a folder of scans.",
        ),
    ],
    further: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SECTION.KEY=VALUE|SCAN",
            help="Values that replace those of the configuration; or more scans.",
        ),
    ] = None,
    fix_geometry: FixGeometry = None,
) -> None:
    """Validate a configuration and every file of its data, or single scans, without training."""
    from medse.check.scans import check_scans, is_config

    if not is_config(given):
        from medse.cli.tables.checked import scan_line

        scans, refused = check_scans([given, *map(Path, further or [])])
        for scan in scans:
            say(scan_line(scan))
        refused.raise_any()
        return
    from medse.check.dataset import check as run
    from medse.check.images import check_images
    from medse.cli.tables.checked import findings_table, label_table
    from medse.cli.tables.images import class_table, images_table
    from medse.config.classification import ClassificationConfig

    loaded = _load_config(given, further, fix_geometry)
    quiet()
    if isinstance(loaded, ClassificationConfig):
        with console.status("Reading every image", spinner=WAITING):
            images = check_images(loaded)
        console.print(images_table(images))
        console.print(class_table(images))
        return
    with console.status("Reading every file", spinner=WAITING):
        found = run(loaded)
    console.print(findings_table(found))
    console.print(label_table(found.labels))
    if found.labels.proposal:
        say(f"Proposed data.labels:\n{found.labels.proposal}")
    found.problems.raise_any()


@app.command()
def train(
    config: Config,
    overrides: Overrides = None,
    fold: Annotated[
        str,
        typer.Option(metavar="N|all", help="Fold to validate on, from 0; all, one by one, for classifiers."),
    ] = "0",
    run: Annotated[Path | None, typer.Option(help="Run directory; runs/CONFIG_foldN by default.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run after its last epoch.")] = False,
    fix_geometry: FixGeometry = None,
) -> None:
    """Train one fold and leave weights, log, splits and provenance in a run directory."""
    from medse.cli.training import TrainingDisplay
    from medse.crossvalidate import cross_validate
    from medse.errors import InputError
    from medse.train import train_run

    if fold != ALL and not fold.isdecimal():
        raise InputError(
            f"--fold is {fold!r}; the number of a fold, from 0, or {ALL} is expected; correct it."
        )
    folder = run or Path("runs") / f"{config.stem}_fold{fold}"
    loaded = _load_config(config, overrides, fix_geometry)
    quiet()
    try:
        with TrainingDisplay() as show:
            if fold == ALL:
                table = cross_validate(loaded, folder, resume=resume, progress=show.of_fold)
                say(f"Out-of-fold predictions: {table}")
            else:
                train_run(loaded, folder, fold=int(fold), resume=resume, progress=show)
    except KeyboardInterrupt:
        started = any((one / "config.yaml").is_file() for one in (folder, folder / "fold_0"))
        again = f"continue with the same command and --resume --run {folder}"
        say(f"Interrupted; {again if started else 'nothing was trained'}.", errors)
        raise SystemExit(130) from None
    say(f"Trained: {folder}")


@app.command()
def predict(
    run: Annotated[Path, typer.Argument(help="Run directory that train made, or that of all folds.")],
    inputs: Annotated[
        list[Path],
        typer.Argument(
            help="Scans, or folders of them; several channels as CASE_0000, CASE_0001, ...; for a classifier, "
            "pictures, folders of them, or a table."
        ),
    ],
    out: Annotated[Path, typer.Option(*OUT, help="Folder for what is written; new or empty.")],
    device: Device = "auto",
    weights: Annotated[
        Weights, typer.Option(help="After the last step, or of the epoch with the best validation proxy.")
    ] = "final",
    maps: Annotated[
        bool, typer.Option("--maps", help="Of a classifier: write a heat map of what speaks for each class.")
    ] = False,
    fix_geometry: FixGeometry = None,
) -> None:
    """Write a label map for each scan, on exactly its grid; of a run of task classification, a table of classes."""
    from medse.cli.prediction import ImagesDisplay, PredictionDisplay
    from medse.errors import InputError
    from medse.predict.images import predict_images
    from medse.predict.scans import predict_scans
    from medse.runs.trained_classifier import classifies

    quiet()
    if classifies(run):
        if fix_geometry is not None:
            raise InputError(
                "--fix-geometry is for the channels of scans that are segmented; this run gives images a class; "
                "leave it out."
            )
        with ImagesDisplay() as show:
            table = predict_images(run, inputs, out, device=device, weights=weights, maps=maps, progress=show)
        say(f"Written: {table}")
        return
    if maps:
        raise InputError("--maps is for runs of task classification; this run labels voxels; leave it out.")
    with PredictionDisplay(out) as show:
        predict_scans(
            run,
            inputs,
            out,
            device=device,
            weights=weights,
            copy_affine=fix_geometry is not None,
            progress=show,
        )


app.command()(explain)
app.command()(leakage)
app.command(cls=EvaluateCommand)(evaluate)
app.command()(compare)


@app.command()
def resample(
    source: Annotated[Path, typer.Argument(help="The volume to resample.")],
    out: Annotated[Path, typer.Option(*OUT, help="The new file; must not exist.")],
    like: Annotated[
        Path | None, typer.Option(help="Volume whose grid to take; without it, straight axes in RAS order.")
    ] = None,
    labels: Annotated[bool, typer.Option("--labels", help="It is a label map: nearest value.")] = False,
) -> None:
    """Resample a volume onto another grid, so that image, channels and labels lie on one."""
    from medse.resample import resample as run

    say(f"Written: {run(source, out, like=like, labels=labels)}")


@app.command()
def attention(
    block: Annotated[str | None, typer.Argument(help="A block's name; without one, all blocks.")] = None,
    channels: Annotated[int, typer.Option(help="Channels of the feature map.")] = 64,
    dims: Dims = 3,
    size: Annotated[int | None, typer.Option(help="Length of each axis; 64 in 2-D, 32 in 3-D.")] = None,
) -> None:
    """List the attention blocks, what they cost and when to use them; or one block in detail."""
    from medse.cli.tables.attention import block_page, catalogue_table

    found = (
        catalogue_table(channels, dims, size) if block is None else block_page(block, channels, dims, size)
    )
    console.print(found, highlight=False)


app.command()(net)


@app.command()
def schema(
    out: Annotated[
        Path | None, typer.Option(*OUT, help="File to write it to, instead of showing it.")
    ] = None,
) -> None:
    """Show the JSON schema with which an editor completes and checks configurations."""
    from medse.config.json_schema import schema_text
    from medse.config.run import TASKS
    from medse.files import write_text

    text = schema_text(TASKS)
    if out is None:
        console.out(text, end="", highlight=False)
    else:
        write_text(out, text)
        say(f"Written: {out}")


def main() -> None:
    """Run the command line."""
    run_app(app)


def _load_config(config: Path, overrides: list[str] | None, fix_geometry: str | None) -> "RunConfig":
    from medse.config.run import load_config

    extra = [] if fix_geometry is None else [f"data.fix_geometry={fix_geometry}"]
    return load_config(config, [*(overrides or []), *extra])
