"""The whole way on a generated cohort: no download, a few minutes on a laptop."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from medse.config.packaged import packaged_configs
from medse.config.run import load_config
from medse.data.brain_cohort import TEMPLATE_CASE, write_brain_cohort
from medse.evaluate import evaluate
from medse.files import refuse_existing, write_text
from medse.labels import read_dataset_labels
from medse.metrics.scores import Scores
from medse.predict import predict
from medse.report import write_report
from medse.train import train

TRAINING_SUBJECTS = 20
HELD_OUT_SUBJECTS = 6


@dataclass(frozen=True)
class Result:
    """What a quickstart ends with.

    Attributes:
        held_out: Scores of the subjects that were neither trained nor validated on.
        template: Scores of the real template the cohort was generated from.
        report: The report page on the held-out subjects.
    """

    held_out: Scores
    template: Scores
    report: Path


def quickstart(out: Path, console: Console) -> Result:
    """Generate a cohort, train ``quickstart.yaml`` on it, predict the held-out subjects and score them.

    Args:
        out: Folder for everything; must be empty or new.
        console: Where progress is shown.

    Raises:
        InputError: ``out`` is not empty or cannot be written to.
    """
    refuse_existing(out, "give another --out or remove it")
    cohort, run, predictions = out / "cohort", out / "run", out / "predictions"
    console.print(
        f"Generating {TRAINING_SUBJECTS + HELD_OUT_SUBJECTS} subjects from the ICBM152 template: random "
        "deformations, contrasts and noise; none of them is a patient.",
        highlight=False,
    )
    config = load_config(packaged_configs()["quickstart.yaml"], [f"data.root={cohort}"])
    write_brain_cohort(cohort, train=TRAINING_SUBJECTS, test=HELD_OUT_SUBJECTS, seed=config.seed)
    console.print(f"Training for {config.trainer.max_minutes:g} minutes.", highlight=False)
    train(config, run, fold=0, resume=False, console=console)
    console.print("Segmenting the held-out subjects and the template.")
    files = list(predict(run, [cohort / "imagesTs"], predictions))
    names = sorted(file.name.removesuffix(".nii.gz") for file in files)
    lists = {
        "report": [name for name in names if name != TEMPLATE_CASE],
        "template": [TEMPLATE_CASE],
    }
    labels = read_dataset_labels(cohort / "dataset.json")
    scores = {}
    for name, cases in lists.items():
        listed = out / f"{name}_cases.txt"
        write_text(listed, "".join(f"{case}\n" for case in cases))
        scores[name] = evaluate(cohort / "labelsTs", predictions, out / name, labels=labels, cases=listed)
    report = write_report(out / "report", cohort / "labelsTs", predictions, images=cohort / "imagesTs")
    return Result(held_out=scores["report"], template=scores["template"], report=report)
