"""The classification task: training step, validation on whole images, learning rate schedule."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim

from medse.nets.network import Classifier
from medse.nets.outlined import Outlined
from medse.tasks.averaging import moving_average
from medse.tasks.callbacks.progress import ImagesValidated
from medse.tasks.mixing import Mixing
from medse.tasks.task import Task

Augment = Callable[[dict[str, Any]], tuple[Tensor, Tensor]]


class ClassificationTask(Task):
    """Trains ``net`` on images and validates it, or the moving average of its weights, on those of the fold.

    Args:
        net: Network that returns logits; an :class:`.Outlined` one learns the outline too.
        loss: As :class:`medse.tasks.classification_losses.CrossEntropy`.
        decay: Factor of the learning rate at a given share of the training done.
        share_done: Share of the training done after a number of steps, 0 to 1.
        augment: Makes images ``(B, C, *size)`` and outlines ``(B, 1, *size)`` of a batch; None where nothing changes.
        mixing: How the images of a batch are mixed.
        classes: Their names, in the order of the logits.
        averaging: Decay of the moving average of the weights, which is then what is validated and kept; None for the
            weights themselves.
        probabilities: Those ``(B, K)`` that a network gives prepared images ``(B, C, *size)``.
    """

    proxy = "balanced_accuracy"
    net: Classifier

    def __init__(
        self,
        net: Classifier,
        loss: nn.Module,
        make_optimizer: Callable[[Iterable[nn.Parameter]], optim.Optimizer],
        decay: Callable[[float], float],
        share_done: Callable[[int], float],
        augment: Augment | None,
        mixing: Mixing,
        classes: tuple[str, ...],
        averaging: float | None,
        probabilities: Callable[[nn.Module, Tensor], Tensor],
    ) -> None:
        super().__init__(net, make_optimizer, decay, share_done)
        self.loss, self.augment, self.mixing, self.classes = loss, augment, mixing, classes
        self.averaged = None if averaging is None else moving_average(net, averaging)
        self.kept = kept_weights(averaging)
        self.probabilities = probabilities
        self.found: list[Tensor] = []
        self.targets: list[int] = []

    @property
    def columns(self) -> tuple[str, ...]:
        """What a validation logs."""
        return ("accuracy", self.proxy, "log_loss", *(f"sensitivity_{name}" for name in self.classes))

    def validated(self, epoch: int, minutes: float, logged: Mapping[str, float]) -> ImagesValidated:
        """Return accuracy, balanced accuracy and the sensitivity of each class that a validation image has."""
        found = {name: logged[f"sensitivity_{name}"] for name in self.classes}
        known = {name: value for name, value in found.items() if not math.isnan(value)}
        return ImagesValidated(epoch, minutes, logged["accuracy"], logged[self.proxy], known)

    def on_after_batch_transfer(self, batch: Any, dataloader_idx: int) -> Any:
        """Change and mix the images of a training batch; all that is random follows from its seeds."""
        if not self.trainer.training:
            return batch
        seed = self.draw_from(batch["seed"])
        if self.augment is None:
            images, outlines = (torch.stack(batch[key]) for key in ("image", "label"))
        else:
            images, outlines = self.augment(batch)
        known = torch.tensor(batch["outlined"], device=images.device)
        masks = outlines.float()
        masks[~known] = torch.nan
        targets = torch.tensor(batch["target"], device=images.device)
        targets = F.one_hot(targets, len(self.classes)).float()
        return self.mixing(images, targets, masks, seed)

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], _index: int) -> Tensor:
        """Return the loss of images ``(B, C, *size)``, shares of classes ``(B, K)`` and outlines."""
        images, targets, masks = batch
        logits, drawn = self.net.both(images) if isinstance(self.net, Outlined) else (self.net(images), None)
        loss: Tensor = self.loss(logits, targets, drawn, masks)
        self.log("loss", loss, on_step=False, on_epoch=True, batch_size=len(images))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Let the average follow the weights after each step."""
        if self.averaged is not None:
            self.averaged.update_parameters(self.net)

    def on_validation_epoch_start(self) -> None:
        self.found, self.targets = [], []

    def validation_step(self, batch: dict[str, Any], _index: int) -> None:
        """Classify a batch of prepared images ``(B, C, *size)``."""
        self.found.append(self.probabilities(self.get_submodule(self.kept), batch["image"]).cpu())
        self.targets += batch["target"]

    def on_validation_epoch_end(self) -> None:
        """Log accuracy, the mean sensitivity, each class's sensitivity and the mean negative log-likelihood."""
        found, truth = torch.cat(self.found).double(), torch.tensor(self.targets)
        right = (found.argmax(1) == truth).double()
        each = [right[truth == k].mean() for k in range(len(self.classes))]
        self.log("accuracy", right.mean())
        self.log(self.proxy, torch.stack(each).nanmean())
        of_truth = found[torch.arange(len(truth)), truth]
        self.log("log_loss", -of_truth.clamp(min=torch.finfo(torch.float32).tiny).log().mean())
        for name, sensitivity in zip(self.classes, each, strict=True):
            self.log(f"sensitivity_{name}", sensitivity)


def kept_weights(averaging: float | None) -> str:
    """Return the name of the module of a task whose weights are the run's."""
    return "net" if averaging is None else "averaged.module"
