"""A training on the terminal, or as lines in a log file."""

from collections.abc import Mapping
from types import TracebackType

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from medse.cli.terminal import console, say
from medse.tasks.callbacks.progress import ImagesValidated, StepDone, Validated

MOST_SHOWN = 8
"""Most classes that are all named after a validation; ``log.csv`` has every one."""
LOWEST = 3
"""How many are named where there are more."""


class TrainingDisplay:
    """One bar for the whole training with the time it will still take; a line after each validation.

    ``with TrainingDisplay() as show: train_run(..., progress=show)``; the bar is gone after the block, so that a
    message stands on a line of its own.
    """

    def __init__(self) -> None:
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("training", total=1.0, start=False)

    def of_fold(self, fold: int) -> "TrainingDisplay":
        """Say that the training of a fold begins, and show it."""
        return self.of(f"fold {fold}")

    def of(self, what: str) -> "TrainingDisplay":
        """Say which training begins, and show it."""
        say(f"Training: {what}")
        self.bar.reset(self.task, total=1.0, start=False)
        return self

    def __enter__(self) -> "TrainingDisplay":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def __call__(self, event: StepDone | Validated | ImagesValidated) -> None:
        match event:
            case StepDone():
                self.bar.start()
                self.bar.start_task(self.task)
                description = f"epoch {event.epoch}  loss {event.loss:.3f}"
                self.bar.update(self.task, completed=event.share_done, description=description)
            case Validated():
                say(validation_line(event))
            case ImagesValidated():
                say(image_line(event))


def validation_line(event: Validated) -> str:
    """Say what a validation found, of many classes those with the lowest Dice."""
    proxy = f"validation Dice (proxy) {event.dice:.3f}"
    return f"epoch {event.epoch}, {event.minutes:.1f} min: {proxy}  {_classes(event.class_dice)}"


def image_line(event: ImagesValidated) -> str:
    """Say what a validation of a classifier found, of many classes those with the lowest sensitivity."""
    found = f"validation accuracy {event.accuracy:.3f}, balanced {event.balanced_accuracy:.3f}"
    return f"epoch {event.epoch}, {event.minutes:.1f} min: {found}; sensitivity {_classes(event.sensitivity)}"


def _classes(scores: Mapping[str, float]) -> str:
    shown = sorted(scores, key=lambda name: scores[name])[:LOWEST] if len(scores) > MOST_SHOWN else [*scores]
    classes = "  ".join(f"{name} {scores[name]:.3f}" for name in shown)
    return (f"lowest of {len(scores)} classes: " if len(scores) > MOST_SHOWN else "") + classes
