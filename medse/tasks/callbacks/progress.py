"""Showing a training on a terminal, or as lines in a log file."""

import math
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from medse.tasks.callbacks.budget import Budget

MOST_SHOWN = 8
"""Most classes that are all named after a validation; ``log.csv`` has every one."""
LOWEST = 3
"""How many are named where there are more."""


class ProgressDisplay(Callback):
    """One bar for the whole training with the time it will still take; a line after each validation."""

    def __init__(self, console: Console, budget: Budget) -> None:
        self.console, self.budget = console, budget
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
        self.task = self.bar.add_task("training", total=1.0)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar."""
        self.bar.start()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Move the bar."""
        loss = float(outputs["loss"])
        self.bar.update(
            self.task,
            completed=self.budget.share_done(trainer.global_step),
            description=f"epoch {trainer.current_epoch + 1}  loss {loss:.3f}",
        )

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Print the validation proxy."""
        metrics = trainer.callback_metrics
        dice = {
            name.removeprefix("dice_"): float(value)
            for name, value in metrics.items()
            if name.startswith("dice_") and not math.isnan(value)
        }
        shown = sorted(dice, key=lambda name: dice[name])[:LOWEST] if len(dice) > MOST_SHOWN else list(dice)
        classes = "  ".join(f"{name} {dice[name]:.3f}" for name in shown)
        lowest = f"lowest of {len(dice)} classes: " if len(dice) > MOST_SHOWN else ""
        self.console.print(
            f"epoch {trainer.current_epoch + 1}, {self.budget.minutes:.1f} min: "
            f"validation Dice (proxy) {float(metrics['dice']):.3f}  {lowest}{classes}",
            highlight=False,
        )

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remove the bar."""
        self.bar.stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Remove the bar, so that a message stands on a line of its own."""
        self.bar.stop()
