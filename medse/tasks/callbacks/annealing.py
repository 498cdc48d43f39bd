"""Training networks that learn which frequencies their attention looks at."""

import logging
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import nn

from medse.attention.fca.frequencies import GRID
from medse.attention.fca.frequency_search import FrequencySearch
from medse.attention.fca.spectral import SpectralAttention
from medse.files import write_json
from medse.tasks.callbacks.budget import Budget
from medse.tasks.callbacks.recording import RESUME
from medse.tasks.task import Task

FREQUENCIES = "frequencies.json"
log = logging.getLogger(__name__)


class Annealing(Callback):
    """Sharpens the searches of a network while it trains and freezes them when the training is complete.

    What was chosen is written to ``frequencies.json``: the name of each block in the network, and for each of
    its channel groups the index along each spatial axis, out of ``grid``. A checkpoint holds the searches as
    they were, so a training that is resumed or prolonged goes on searching. Networks without a search are left
    alone.
    """

    def __init__(self, task: Task, folder: Path, budget: Budget) -> None:
        self.path, self.budget = folder / FREQUENCIES, budget
        self.trained = _searches(task.net)
        self.kept = _searches(task.get_submodule(task.kept))

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take away what a shorter training chose, when it goes on."""
        self.path.unlink(missing_ok=True)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Set the temperature for the share of the training done."""
        for search in (*self.trained.values(), *self.kept.values()):
            search.anneal(self.budget.share_done(trainer.global_step))

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Freeze, also when a complete training is resumed and has nothing left to do."""
        if not self.kept:
            return
        for search in self.kept.values():
            search.freeze()
        chosen = {name: search.chosen() for name, search in self.kept.items()}
        write_json(self.path, {"grid": GRID, "blocks": chosen}, RESUME)
        blocks = "1 attention block" if len(chosen) == 1 else f"{len(chosen)} attention blocks"
        log.info("frequencies chosen by %s: %s", blocks, self.path)


def _searches(net: nn.Module) -> dict[str, FrequencySearch]:
    return {
        name: module.search
        for name, module in net.named_modules()
        if isinstance(module, SpectralAttention) and module.search is not None
    }
