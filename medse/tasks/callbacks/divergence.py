"""Noticing a training that has gone wrong."""

import math

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from medse.errors import InputError


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
            "trainer.precision=fp32 if it ran in bf16."
        )
