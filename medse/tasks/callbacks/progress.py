"""Telling whoever started a training how it goes."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from medse.tasks.callbacks.budget import Budget


@dataclass(frozen=True)
class StepDone:
    """An optimizer step; ``epoch`` counts from 1, ``share_done`` is that of the whole training, 0 to 1."""

    epoch: int
    share_done: float
    loss: float


@dataclass(frozen=True)
class Validated:
    """A validation on whole volumes.

    Attributes:
        epoch: Counted from 1.
        minutes: Spent on the training so far.
        dice: Mean over classes of the validation proxy.
        class_dice: That of each class that a validation case holds.
    """

    epoch: int
    minutes: float
    dice: float
    class_dice: Mapping[str, float]


@dataclass(frozen=True)
class ImagesValidated:
    """A validation of a classifier.

    Attributes:
        epoch: Counted from 1.
        minutes: Spent on the training so far.
        accuracy: Share of the validation images that are classified right.
        balanced_accuracy: Mean sensitivity of the classes.
        sensitivity: That of each class that a validation image has.
    """

    epoch: int
    minutes: float
    accuracy: float
    balanced_accuracy: float
    sensitivity: Mapping[str, float]


Progress = Callable[[StepDone | Validated | ImagesValidated], object]
"""What is called after steps, at most five times a second, and after each validation of a training."""

STEP_SECONDS = 0.2
"""Least time between two steps that are told: to know a loss, a GPU must have finished everything before it."""


class TellProgress(Callback):
    """Calls ``progress`` with what happened."""

    def __init__(self, progress: Progress, budget: Budget) -> None:
        self.progress, self.budget = progress, budget
        self.told = -math.inf

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        if (now := time.monotonic()) < self.told + STEP_SECONDS:
            return
        self.told = now
        share = self.budget.share_done(trainer.global_step)
        self.progress(StepDone(trainer.current_epoch + 1, share, float(outputs["loss"])))

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        logged = {name: float(value) for name, value in trainer.callback_metrics.items()}
        task: Any = pl_module
        self.progress(task.validated(trainer.current_epoch + 1, self.budget.minutes, logged))
