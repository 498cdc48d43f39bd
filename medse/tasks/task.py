"""What every task is to a training."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn, optim

from medse.tasks.callbacks.progress import ImagesValidated, Validated


class Task(pl.LightningModule):
    """Trains ``net`` with a learning rate that follows the share of the training done.

    Args:
        net: The network.
        decay: Factor of the learning rate at a given share of the training done.
        share_done: Share of the training done after a number of steps, 0 to 1.

    Attributes:
        proxy: Name of the logged score that the best epoch is best in.
        kept: Name of the module whose weights are the run's.
    """

    proxy: ClassVar[str]
    kept = "net"

    def __init__(
        self,
        net: nn.Module,
        make_optimizer: Callable[[Iterable[nn.Parameter]], optim.Optimizer],
        decay: Callable[[float], float],
        share_done: Callable[[int], float],
    ) -> None:
        super().__init__()
        self.net = net
        self.make_optimizer, self.decay, self.share_done = make_optimizer, decay, share_done

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """What a validation logs."""

    @abstractmethod
    def validated(
        self, epoch: int, minutes: float, logged: Mapping[str, float]
    ) -> Validated | ImagesValidated:
        """Return what to tell of the validation after ``epoch``, counted from 1, that logged these scores."""

    def configure_optimizers(self) -> Any:
        """Return the optimizer and its schedule, a step at a time."""
        optimizer = self.make_optimizer(self.net.parameters())
        schedule = optim.lr_scheduler.LambdaLR(
            optimizer, lambda _step: self.decay(self.share_done(self.global_step))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def draw_from(self, seeds: list[int]) -> int:
        """Let what the network draws in this step (dropout) follow from the seeds of its batch; return a further one.

        So a resumed training draws the same, and no state of a generator need be saved.
        """
        own, further = np.random.SeedSequence(seeds).generate_state(2, np.uint64).tolist()
        torch.manual_seed(own)
        return int(further)
