"""The command ``medse evaluate``."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand

from medse.cli.arguments import OUT, FixGeometry
from medse.cli.terminal import WAITING, console, say
from medse.evaluate import Missing
from medse.metrics.conventions import ConventionName

MAPS = "maps"
"""Folder of heat maps beside predictions of classes."""


class EvaluateCommand(TyperCommand):
    """Shows in its help what the section of a configuration takes, from the section itself."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options, and the keys after them."""
        from medse.cli.tables.options import section_table
        from medse.config.classification_scoring import ClassificationEvaluation
        from medse.config.scoring import SECTION
        from medse.config.sections import Evaluation

        super().format_help(ctx, formatter)
        console.print(section_table(Evaluation, SECTION, "label maps"))
        console.print(section_table(ClassificationEvaluation, SECTION, "probabilities of classes"))


def evaluate(
    references: Annotated[
        Path,
        typer.Argument(
            help="Folder of reference label maps, or of a folder of masks per case, or one file; of classes, a CSV "
            "file with the columns image and label, or a folder of images for each class."
        ),
    ],
    predictions: Annotated[
        Path, typer.Argument(help="The same for predictions; of classes, predictions.csv or its folder.")
    ],
    overrides: Annotated[
        list[str] | None,
        typer.Argument(
            help="What to compute: evaluation.tolerance_mm=2 'evaluation.lesions=\\[tumour]' "
            "'evaluation.merged={kidneys: \\[kidney_left, kidney_right]}' evaluation.unit=group ..."
        ),
    ] = None,
    *,
    out: Annotated[Path, typer.Option(*OUT, help="Folder for the tables and report.html; new or empty.")],
    labels: Annotated[
        Path | None, typer.Option(help="Names of the classes: a configuration, or a dataset.json.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            help="YAML file whose evaluation section says what to compute; its classes too, if it has data."
        ),
    ] = None,
    conventions: Annotated[
        str | None,
        typer.Option(
            "--conventions",
            "--convention",
            help=f"Whose rules: {', '.join(get_args(ConventionName))}; after a comma, further ones to show beside; "
            "or all.",
        ),
    ] = None,
    tolerance: Annotated[
        str | None,
        typer.Option(
            metavar="MM",
            help="Deviation of a surface that counts as agreement: sets evaluation.tolerance_mm.",
        ),
    ] = None,
    binary: Annotated[
        bool,
        typer.Option(
            "--binary", help="Read label maps as masks of one class: 0 and one other value, such as 1 or 255."
        ),
    ] = False,
    cases: Annotated[
        Path | None,
        typer.Option(help="Text file with the case ids to score, one per line; group after a tab."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the scans, shown under the contours; of classes, of the images, by default where the "
            "references say."
        ),
    ] = None,
    missing: Annotated[
        Missing, typer.Option(help="What a missing prediction is: an error, or 0 in every class.")
    ] = "error",
    resample_prediction: Annotated[
        bool,
        typer.Option(
            "--resample-prediction",
            help="Resample predictions on another grid onto that of the reference, nearest voxel; recorded.",
        ),
    ] = False,
    fix_geometry: FixGeometry = None,
    pixel_mm: Annotated[
        float | None, typer.Option(help="Length of a pixel of PNG masks, for distances between them.")
    ] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, help="Most processes; one per core by default.")
    ] = None,
    show_paths: Annotated[
        bool, typer.Option("--show-paths", help="Write the whole paths of the folders into the report.")
    ] = False,
) -> None:
    """Score label maps, or probabilities of classes, of any tool against references and write the report."""
    from medse.evaluate.class_cases import is_predictions

    if is_predictions(predictions):
        _refuse_for_classes(
            predictions,
            {
                "--labels": labels is not None,
                "--conventions": conventions is not None,
                "--tolerance": tolerance is not None,
                "--binary": binary,
                "--missing": missing != "error",
                "--resample-prediction": resample_prediction,
                "--fix-geometry": fix_geometry is not None,
                "--pixel-mm": pixel_mm is not None,
                "--processes": processes is not None,
            },
        )
        _evaluate_classes(references, predictions, overrides or [], out, config, cases, images, show_paths)
        return
    from medse.cli.tables.scores import print_scores
    from medse.config.scoring import SECTION, find_labels, read_asked
    from medse.errors import InputError, Refusals
    from medse.evaluate.evaluate import evaluate_folders
    from medse.machine import cores
    from medse.report.examples import check_images
    from medse.report.report import write_report

    asked = list(overrides or [])
    if tolerance is not None:  # the key has one meaning: set twice it is refused
        asked.append(f"{SECTION}.tolerance_mm={tolerance}")
    if images is not None:
        check_images(images, references)
    scores = evaluate_folders(
        references,
        predictions,
        out,
        labels=find_labels(labels, config),
        cases=cases,
        options=read_asked(config, asked, conventions),
        copy_affine=fix_geometry is not None,
        resample=resample_prediction,
        missing=missing,
        pixel_mm=pixel_mm,
        binary=binary,
        processes=cores() if processes is None else processes,
        show_paths=show_paths,
    )
    refusals, page = Refusals(), None
    with refusals:
        page = write_report(out, references, predictions, images=images)
    print_scores(console, scores, f"Dice by the convention {scores.convention}")
    if page:
        say(f"Report: {page}")
    for problem in scores.not_scored.values():
        with refusals:
            raise InputError(f"Not scored: {problem}")
    refusals.raise_any()


_NOT_OF_CLASSES = {
    "--labels": "the classes are named by the columns of the predictions",
    "--conventions": "conventions are rules for masks",
    "--tolerance": "a class of an image has no surface",
    "--binary": "there are no masks",
    "--missing": "there is no worst probability for an image that was not predicted",
    "--resample-prediction": "probabilities lie on no grid",
    "--fix-geometry": "probabilities lie on no grid",
    "--pixel-mm": "there are no lengths",
    "--processes": "there is nothing to read but two tables",
}
"""Option that means nothing for probabilities of classes -> why."""


def _refuse_for_classes(predictions: Path, given: dict[str, bool]) -> None:
    """Raise where an option was given that is about label maps."""
    from medse.errors import InputError, Refusals

    refusals = Refusals()
    for option, was_given in given.items():
        with refusals:
            if was_given:
                raise InputError(
                    f"{option} is for label maps, and {predictions} holds probabilities of classes: "
                    f"{_NOT_OF_CLASSES[option]}; leave it out."
                )
    refusals.raise_any()


def _evaluate_classes(
    references: Path,
    predictions: Path,
    overrides: list[str],
    out: Path,
    config: Path | None,
    cases: Path | None,
    images: Path | None,
    show_paths: bool,
) -> None:
    from medse.cli.tables.classification import print_classification
    from medse.config.classification_scoring import read_asked_of_classes
    from medse.errors import Refusals
    from medse.evaluate.class_cases import image_folder, predictions_file, read_references
    from medse.evaluate.classification import evaluate_predictions
    from medse.report.classification import write_classification_report

    asked = read_asked_of_classes(config, overrides)
    with console.status("Scoring", spinner=WAITING):
        scores = evaluate_predictions(
            references,
            predictions,
            out,
            cases,
            options=asked.evaluation,
            columns=asked.columns,
            show_paths=show_paths,
        )
    maps = predictions_file(predictions).parent / MAPS
    if images is None:
        images = image_folder(references, read_references(references, asked.columns))
    refusals, page = Refusals(), None
    with refusals:
        page = write_classification_report(out, images, maps if maps.is_dir() else None)
    print_classification(console, scores)
    if page:
        say(f"Report: {page}")
    refusals.raise_any()
