"""Every stage on a generated cohort: no download, a few minutes on a laptop."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from medse.cli.terminal import console
from medse.cli.training import TrainingDisplay
from medse.config.classification import ClassificationConfig
from medse.config.run import SegmentationConfig, load_config
from medse.data.images.cases import TEST
from medse.data.images.readers.table import read_image_table
from medse.evaluate.classification import evaluate_predictions
from medse.evaluate.evaluate import evaluate_folders
from medse.files import refuse_existing, write_text
from medse.labels import read_dataset_labels
from medse.phantoms import Body
from medse.phantoms.brain_cohort import TEMPLATE_CASE, write_brain_cohort
from medse.phantoms.torso.cohort import write_torso_cohort
from medse.phantoms.tumours.cohort import write_tumour_cohort
from medse.predict.images import MAPS, predict_images
from medse.predict.scans import predict_scans
from medse.registry import pick
from medse.report.classification import write_classification_report
from medse.report.report import write_report
from medse.scores.classification import ClassificationScores
from medse.scores.scores import Scores
from medse.train import train_run


@dataclass(frozen=True)
class Cohort:
    """A generated cohort and how it is learnt.

    Attributes:
        config: Its configuration, whose task decides what is done with the held-out subjects.
        origin: What they are generated from, as the end of a sentence.
        template: Case among the held-out ones that is a real image, scored apart; None where there is none.
    """

    config: str
    write: Callable[..., object]
    train: int
    test: int
    origin: str
    template: str | None


COHORTS: dict[str, Cohort] = {
    "brain": Cohort(
        config="quickstart.yaml",
        write=write_brain_cohort,
        train=20,
        test=6,
        origin="from the ICBM152 template: random deformations, contrasts and noise",
        template=TEMPLATE_CASE,
    ),
    "torso": Cohort(
        config="whole_body_torso_unet_scse.yaml",
        write=write_torso_cohort,
        train=24,
        test=6,
        origin="from geometric shapes: GENERATED torsos in CT, organs of random size, place and contrast",
        template=None,
    ),
    "tumour": Cohort(
        config="quickstart_tumour.yaml",
        write=write_tumour_cohort,
        train=96,
        test=30,
        origin="from the ICBM152 template: GENERATED slices, each with a painted tumour of one of three kinds",
        template=None,
    ),
}


@dataclass(frozen=True)
class Result:
    """What a quickstart ends with.

    Attributes:
        held_out: Scores of the generated subjects that were neither trained nor validated on.
        template: Scores of the real template the cohort was generated from; None where there is none.
        report: The report page on the held-out subjects.
    """

    held_out: Scores | ClassificationScores
    template: Scores | None
    report: Path


def quickstart(out: Path, *, body: Body = "brain") -> Result:
    """Generate a cohort, train its configuration on it, predict the held-out subjects and score them.

    Args:
        out: Folder for everything; must be empty or new.

    Raises:
        InputError: ``out`` is not empty or cannot be written to.
    """
    chosen = pick(COHORTS, body, "body")
    refuse_existing(out, "give another --out or remove it")
    cohort, run = out / "cohort", out / "run"
    console.print(
        f"Generating {chosen.train + chosen.test} subjects {chosen.origin}; none of them is a patient.",
        highlight=False,
    )
    config = load_config(chosen.config, [f"data.root={cohort}"])
    chosen.write(cohort, train=chosen.train, test=chosen.test, seed=config.seed)
    console.print(f"Training for {config.trainer.max_minutes:g} minutes.", highlight=False)
    with TrainingDisplay() as show:
        train_run(config, run, progress=show)
    if isinstance(config, ClassificationConfig):
        return _classified(out, cohort, run)
    return _segmented(out, cohort, run, config, chosen.template)


def _segmented(
    out: Path, cohort: Path, run: Path, config: SegmentationConfig, template: str | None
) -> Result:
    console.print(f"Segmenting the held-out subjects{' and the template' if template else ''}.")
    predictions = out / "predictions"
    files = predict_scans(run, cohort / "imagesTs", predictions)
    names = sorted(file.name.removesuffix(".nii.gz") for file in files)
    lists = {"report": [name for name in names if name != template]}
    if template:
        lists["template"] = [template]
    labels = read_dataset_labels(cohort / "dataset.json")
    scores = {}
    for name, cases in lists.items():
        scores[name] = evaluate_folders(
            cohort / "labelsTs",
            predictions,
            out / name,
            labels,
            _listed(out, name, cases),
            options=config.evaluation,
        )
    report = write_report(out / "report", cohort / "labelsTs", predictions, images=cohort / "imagesTs")
    return Result(held_out=scores["report"], template=scores.get("template"), report=report)


def _classified(out: Path, cohort: Path, run: Path) -> Result:
    console.print("Classifying the slices of the held-out subjects.")
    held_out = [case for case in read_image_table(cohort, None).cases if case.fold == TEST]
    predictions = predict_images(run, [case.image for case in held_out], out / "predictions", maps=True)
    listed = _listed(out, "report", [case.id for case in held_out])
    scores = evaluate_predictions(cohort, predictions, out / "report", listed)
    report = write_classification_report(out / "report", images=cohort, maps=predictions.parent / MAPS)
    return Result(held_out=scores, template=None, report=report)


def _listed(out: Path, name: str, cases: list[str]) -> Path:
    """Write the list of the cases that the report ``name`` is about; return its path."""
    listed = out / f"{name}_cases.txt"
    write_text(listed, "".join(f"{case}\n" for case in cases))
    return listed
