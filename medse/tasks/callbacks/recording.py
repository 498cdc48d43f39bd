"""What a training leaves in its run directory while it runs: checkpoints and the log; nothing after it diverged."""

import csv
import io
import math
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from medse.errors import InputError
from medse.files import atomic_path, write_text
from medse.tasks.callbacks.budget import Budget

LAST = "last.ckpt"
BEST = "best.ckpt"


class _KnowsValidation(Callback):
    """Knows whether the epoch that ends was validated: not every epoch is."""

    validated = False

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validated = False

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.validated = True


class Checkpoints(_KnowsValidation):
    """Saves ``last.ckpt`` after every epoch and ``best.ckpt`` when the validation proxy improves.

    Each file is replaced as a whole, so a run that is interrupted or killed resumes after its last
    complete epoch.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best = -math.inf

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save after an epoch, and its validation if there was one."""
        names = [LAST]
        if self.validated and (dice := float(trainer.callback_metrics["dice"])) > self.best:
            self.best = dice
            names.append(BEST)
        for name in names:
            with atomic_path(self.folder / name) as temporary:
                trainer.save_checkpoint(temporary)

    def state_dict(self) -> dict[str, float]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.best = state_dict["best"]


class CsvLog(_KnowsValidation):
    """Writes ``log.csv``: a row per epoch with loss, learning rate, minutes and validation Dice per class.

    Dice is empty in epochs without a validation.
    """

    def __init__(self, path: Path, classes: tuple[str, ...], budget: Budget) -> None:
        self.path, self.budget = path, budget
        self.dice = ["dice", *(f"dice_{name}" for name in classes)]
        self.rows: list[dict[str, str]] = []

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keep the rows of the epochs that a resumed run does not repeat."""
        if self.path.is_file():
            rows = csv.DictReader(io.StringIO(self.path.read_text(encoding="utf-8")))
            self.rows = [row for row in rows if int(row["epoch"]) <= trainer.current_epoch]

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        metrics = trainer.callback_metrics
        row = {
            "epoch": str(trainer.current_epoch + 1),
            "step": str(trainer.global_step),
            "minutes": f"{self.budget.minutes:.2f}",
            "lr": f"{trainer.optimizers[0].param_groups[0]['lr']:.3e}",
            "loss": f"{float(metrics['loss']):.5f}",
        }
        for name in self.dice:
            row[name] = f"{float(metrics[name]):.5f}" if self.validated and name in metrics else ""
        self.rows.append(row)
        text = io.StringIO()
        writer = csv.DictWriter(text, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        write_text(self.path, text.getvalue())


class Divergence(Callback):
    """Stops a training whose loss or weights are no finite numbers any more, before they are saved.

    Raises:
        InputError: At the end of the epoch in which that happened.
    """

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        loss = float(trainer.callback_metrics["loss"])
        if math.isfinite(loss) and all(bool(p.isfinite().all()) for p in pl_module.parameters()):
            return
        raise InputError(
            f"The training diverged in epoch {trainer.current_epoch + 1}: its mean loss is {loss:g} and some weights "
            "may be no numbers; allowed are finite ones; start a new run with a lower optimizer.lr, or with "
            "trainer.precision=fp32 if it ran in bf16 or fp16."
        )
