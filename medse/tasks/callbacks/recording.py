"""What a training leaves in its run directory while it runs: checkpoints and the log; nothing after it diverged."""

import csv
import io
import math
import shutil
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback

from medse.errors import InputError, some
from medse.files import atomic_path, write_text
from medse.tasks.callbacks.budget import Budget

LAST = "last.ckpt"
PREVIOUS = "previous.ckpt"
BEST = "best.ckpt"

RUN_ID = "run_id"
"""Key under which a checkpoint says which run it belongs to."""

SECONDS = 60.0
"""Least time between two checkpoints of epochs that are no better than the best."""

RESUME = "make room, then continue the run (--resume)"
"""What to do where a training cannot write any more."""


class _KnowsValidation(Callback):
    """Knows whether the epoch that ends was validated: not every epoch is."""

    validated = False

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validated = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validated = True


class StraightToFile(TorchCheckpointIO):
    """Writes a checkpoint to its file.

    Lightning's own would build it in memory and then write it to the system's temporary folder, which may be small
    and where a killed training would leave it.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        torch.save(checkpoint, path)


class Checkpoints(_KnowsValidation):
    """Saves ``last.ckpt`` at the end of epochs, and a copy as ``best.ckpt`` when the validation proxy improves.

    An epoch is saved when it is the first, the last or the best, and when the last saving is a minute ago: a
    training that is killed loses a minute and the epoch it was in, and epochs of a second are not spent on saving.
    What was saved before stays as ``previous.ckpt``. Each file is replaced as a whole, and the best before the last
    one, which says how good the best is: what is lost in between is done again.

    Args:
        run_id: Which run they belong to; each says so.
        proxy: Name of the logged score that the best epoch is best in.
    """

    def __init__(self, folder: Path, run_id: str, proxy: str) -> None:
        self.folder, self.run_id, self.proxy = folder, run_id, proxy
        self.best = -math.inf
        self.saved = -math.inf

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after an epoch, and its validation if there was one."""
        better = self.validated and float(trainer.callback_metrics[self.proxy]) > self.best
        ends = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        if not better and not ends and time.monotonic() < self.saved + SECONDS:
            return
        if better:
            self.best = float(trainer.callback_metrics[self.proxy])
        last = self.folder / LAST
        with atomic_path(last, RESUME) as temporary:
            trainer.save_checkpoint(temporary)
            if better:
                with atomic_path(self.folder / BEST, RESUME) as copy:
                    shutil.copyfile(temporary, copy)
            if last.is_file():
                last.replace(self.folder / PREVIOUS)
        self.saved = time.monotonic()

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[RUN_ID] = self.run_id

    def state_dict(self) -> dict[str, float]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Know what the best was, unless its file is gone."""
        if (self.folder / BEST).is_file():
            self.best = state_dict["best"]


class SetAside(Callback):
    """Renames the final weights of a training that was complete and goes on: they are not its final ones any more.

    Args:
        names: What is renamed, and to what.
    """

    def __init__(self, weights: Path, before: Path) -> None:
        self.weights, self.before = weights, before

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Rename them now that there is a step to do."""
        if self.weights.is_file():
            self.weights.replace(self.before)


class CsvLog(_KnowsValidation):
    """Writes ``log.csv``: a row per epoch with loss, learning rate, minutes and what its validation found.

    Args:
        scores: Names of what a validation logs; their cells are empty in epochs without one.
    """

    def __init__(self, path: Path, scores: tuple[str, ...], budget: Budget) -> None:
        self.path, self.budget, self.scores = path, budget, scores
        self.columns = ["epoch", "step", "minutes", "lr", "loss", *scores]
        self.rows: list[list[str]] = []

    def resume(self, epochs: int) -> None:
        """Keep the rows of the first ``epochs`` epochs; a resumed run repeats the others.

        Raises:
            InputError: The log is damaged, or lacks some of those.
        """
        if not self.path.is_file():
            return
        try:
            text = self.path.read_text(encoding="utf-8-sig")
            table = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
        except (OSError, ValueError, csv.Error) as error:
            raise self._damaged(f"it cannot be read ({error})") from error
        head, rows = (table[0] if table else []), table[1:]
        if head != self.columns:
            raise self._damaged(f"its columns are {some(head)}, not {some(self.columns)}")
        first = int(rows[0][0]) if rows and rows[0][0].isdecimal() else 1
        for number, row in enumerate(rows, start=first):
            if len(row) != len(head) or row[0] != str(number) or not all(map(_number, row)):
                raise self._damaged(f"where epoch {number} should be it has {some(row)}")
        if epochs and first + len(rows) <= epochs:
            raise self._damaged(f"it ends before epoch {epochs}, the last that was saved")
        self.rows = [row for row in rows if int(row[0]) <= epochs]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = trainer.callback_metrics
        found = [
            f"{float(metrics[name]):.5f}" if self.validated and name in metrics else ""
            for name in self.scores
        ]
        self.rows.append(
            [
                str(trainer.current_epoch + 1),
                str(trainer.global_step),
                f"{self.budget.minutes:.2f}",
                f"{trainer.optimizers[0].param_groups[0]['lr']:.3e}",
                f"{float(metrics['loss']):.5f}",
                *found,
            ]
        )
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.columns, *self.rows])
        write_text(self.path, text.getvalue(), RESUME)

    def _damaged(self, what: str) -> InputError:
        return InputError(
            f"{self.path} is damaged: {what}; restore it, or remove it to go on with a new one."
        )


def _number(cell: str) -> bool:
    try:
        float(cell or 0)
    except ValueError:
        return False
    return True


class Divergence(Callback):
    """Stops a training whose loss or weights are no finite numbers any more, before they are saved.

    Raises:
        InputError: At the end of the epoch in which that happened.
    """

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loss = float(trainer.callback_metrics["loss"])
        if math.isfinite(loss):
            spoilt = [
                name for name, values in pl_module.state_dict().items() if not bool(values.isfinite().all())
            ]
            if not spoilt:
                return
            what = f"its weights {some(spoilt)} hold nan or inf"
        else:
            what = f"its mean loss is {loss:g}"
        raise InputError(
            f"The training diverged in epoch {trainer.current_epoch + 1}: {what}; loss and weights must be finite; "
            "start a new run with a lower optimizer.lr, or with trainer.precision=fp32 if it ran in bf16 or fp16."
        )
