"""The segmentation task: training step, validation on whole volumes, learning rate schedule."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn, optim

from medse.arrays import FloatArray, ImageArray, LabelArray
from medse.errors import InputError
from medse.metrics.overlap import count_pairs
from medse.preprocess import most_likely
from medse.scores.statistics import finite_mean
from medse.tasks.callbacks.progress import Validated
from medse.tasks.task import Task

Augment = Callable[[dict[str, Any]], tuple[Tensor, Tensor]]

log = logging.getLogger(__name__)


class SegmentationTask(Task):
    """Trains ``net`` on patches and validates it on whole volumes.

    Validation Dice is computed on the training grid, per case and class, and averaged over the cases that
    hold the class. It is a proxy, to watch a training: figures to quote come from ``medse evaluate``.

    Args:
        net: Network that returns logits, or a list of logits, finest first, under deep supervision.
        loss: ``loss(logits, label)`` for one resolution.
        decay: Factor of the learning rate at a given share of the training done.
        share_done: Share of the training done after a number of steps, 0 to 1.
        augment: Makes patches ``(B, C, *patch)`` and labels ``(B, 1, *patch)`` of a batch whose ``image`` and
            ``label`` are lists of pieces of scans; None where the pieces are patches.
        scores: Class scores ``(K, *spatial)`` of a whole prepared image ``(C, *spatial)``, and what to call it.
    """

    proxy = "dice"

    def __init__(
        self,
        net: nn.Module,
        loss: Callable[[Any, Tensor], Tensor],
        make_optimizer: Callable[[Iterable[nn.Parameter]], optim.Optimizer],
        decay: Callable[[float], float],
        share_done: Callable[[int], float],
        augment: Augment | None,
        scores: Callable[[ImageArray, str], ImageArray],
        classes: tuple[str, ...],
    ) -> None:
        super().__init__(net, make_optimizer, decay, share_done)
        self.loss, self.augment, self.scores, self.classes = loss, augment, scores, classes
        self.validation_dice: list[FloatArray] = []
        self.too_large: dict[str, str] = {}

    @property
    def columns(self) -> tuple[str, ...]:
        """What a validation logs."""
        return ("dice", *(f"dice_{name}" for name in self.classes))

    def validated(self, epoch: int, minutes: float, logged: Mapping[str, float]) -> Validated:
        """Return the Dice, and that of each class that a validation case holds."""
        found = {name: logged[f"dice_{name}"] for name in self.classes}
        return Validated(
            epoch, minutes, logged["dice"], {k: v for k, v in found.items() if not math.isnan(v)}
        )

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Make patches of what was cut for a training batch, on the device it trains on."""
        if not self.trainer.training:
            return batch
        self.draw_from(batch["seed"])
        if self.augment is None:
            return {key: torch.stack(batch[key]) for key in ("image", "label")}
        image, label = self.augment(batch)
        return {"image": image, "label": label}

    def training_step(self, batch: dict[str, Tensor], _index: int) -> Tensor:
        """Return the loss of a batch of patches ``(B, C, *patch)`` and labels ``(B, 1, *patch)``."""
        label = batch["label"].float()  # exact below 2**24; deep supervision resamples no wide integers
        loss = self.loss(self.net(batch["image"]), label)
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(batch["image"]))
        return loss

    def on_validation_epoch_start(self) -> None:
        self.validation_dice, self.too_large = [], {}

    def validation_step(self, case: dict[str, Any], _index: int) -> None:
        """Score a case; one for which there is not enough memory is left out, and said to be."""
        try:
            found = most_likely(self.scores(case["image"], case["id"]))
        except InputError as error:
            self.too_large[case["id"]] = str(error)
            log.warning("Not validated: %s", error)
        else:
            self.validation_dice.append(dice_per_class(found, case["label"][0], len(self.classes)))

    def on_validation_epoch_end(self) -> None:
        """Log the mean Dice of each class and of all.

        Raises:
            InputError: Not one case could be validated.
        """
        if not self.validation_dice:
            raise InputError("\n".join(self.too_large.values()))
        means = finite_mean(np.transpose(self.validation_dice))
        for name, mean in zip(self.classes, means, strict=True):
            self.log(f"dice_{name}", float(mean))
        self.log("dice", float(np.nan_to_num(finite_mean(means))))


def dice_per_class(found: LabelArray, truth: LabelArray, classes: int) -> FloatArray:
    """Dice of foreground classes 1..``classes`` of two index maps; NaN where both are empty.

    Voxels that ``truth`` gives a higher index are ignored.
    """
    counted = truth <= classes
    pairs = count_pairs(np.where(counted, truth, 0), np.where(counted, found, 0))
    return np.array([pairs.of({k}).dice for k in range(1, classes + 1)])
