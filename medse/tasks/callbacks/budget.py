"""When a training ends: after a number of steps, of minutes, or whichever comes first."""

from datetime import timedelta
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Timer


class Budget(Timer):
    """Stops a training cleanly when its minutes are over and says which share of it is done.

    The time of earlier sessions of a resumed run counts. The last epoch, complete or not, is always validated.

    Args:
        max_steps: Optimizer steps of the whole training, or None.
        max_minutes: Wall time of the whole training, validations included, or None.
    """

    def __init__(self, max_steps: int | None, max_minutes: float | None) -> None:
        duration = None if max_minutes is None else timedelta(minutes=max_minutes)
        super().__init__(duration=duration, interval="step", verbose=False)
        self.max_steps, self.max_minutes = max_steps, max_minutes

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Have the last epoch validated."""
        if trainer.current_epoch + 1 == trainer.max_epochs:
            trainer.check_val_every_n_epoch = 1

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any, **kwargs: Any) -> None:
        """Stop when the minutes are over, and have the epoch validated."""
        super().on_train_batch_end(trainer, *args, **kwargs)
        if trainer.should_stop:
            trainer.check_val_every_n_epoch = 1

    @property
    def minutes(self) -> float:
        """Minutes spent so far."""
        return self.time_elapsed() / 60

    def share_done(self, step: int) -> float:
        """Share of the training done after ``step`` optimizer steps, 0 to 1."""
        by_steps = step / self.max_steps if self.max_steps else 0.0
        by_time = self.minutes / self.max_minutes if self.max_minutes else 0.0
        return min(1.0, max(by_steps, by_time))
