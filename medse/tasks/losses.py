"""Losses: each is built as ``loss(**options)`` and called as ``loss(logits, label)``.

A new loss is one class here (or MONAI's own) and one line in :data:`LOSSES`.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import torch.nn.functional as F
from monai.losses import DiceCELoss, DiceLoss
from monai.networks import one_hot
from pydantic import Field
from torch import Tensor, nn


class DiceCE(nn.Module):
    """Soft Dice plus cross-entropy, computed in float32.

    Args:
        batch: Whether Dice is taken over the whole batch, steadier when a class is absent from a patch,
            rather than per patch.
        ignored: Whether labels may hold voxels of index ``K``, which are ignored: the loss is that of the others
            alone. Known beforehand, because to look for them at each step would halt a GPU.

    Shape:
        Logits ``(B, K, *spatial)`` and class indices ``(B, 1, *spatial)`` to a scalar.

    Reference:
        Isensee et al., nnU-Net (Nature Methods 2021); the terms are MONAI's.
    """

    def __init__(
        self,
        *,
        include_background: bool = False,
        batch: bool = True,
        dice_weight: Annotated[float, Field(ge=0)] = 1.0,
        ce_weight: Annotated[float, Field(ge=0)] = 1.0,
        ignored: bool = True,
    ) -> None:
        super().__init__()
        self.ignored = ignored
        self.dice_weight, self.ce_weight = dice_weight, ce_weight
        self.loss = DiceCELoss(
            include_background=include_background,
            to_onehot_y=True,
            softmax=True,
            batch=batch,
            lambda_dice=dice_weight,
            lambda_ce=ce_weight,
        )
        self.dice = DiceLoss(include_background=include_background, batch=batch)

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        if not self.ignored:
            return self.loss(logits.float(), label)  # type: ignore[no-any-return]
        return self._without_ignored(logits.float(), label)

    def _without_ignored(self, logits: Tensor, label: Tensor) -> Tensor:
        classes = logits.shape[1]
        counted = label != classes
        shares = logits.softmax(dim=1) * counted
        target = one_hot(label, classes + 1)[:, :classes]
        entropy = F.cross_entropy(logits, label[:, 0].long(), ignore_index=classes, reduction="sum")
        entropy = entropy / counted.sum().clamp(min=1)  # finite where every voxel is ignored
        return self.dice_weight * self.dice(shares, target) + self.ce_weight * entropy  # type: ignore[no-any-return]


class DeepSupervision(nn.Module):
    """The loss of one resolution, averaged over those that a network returns while it trains.

    Each resolution weighs half as much as the next finer one, and all weights together 1: a loss, and the norm its
    gradients are clipped to, mean the same with deep supervision and without.

    Args:
        loss: ``loss(logits, label)`` for one resolution.

    Shape:
        Logits ``(B, K, *spatial)``, or several of them, finest first, and class indices ``(B, 1, *spatial)`` as
        floats, of which each resolution sees the nearest, to a scalar.

    Reference:
        Isensee et al., nnU-Net (Nature Methods 2021), whose weights are normalised too, without the coarsest.
    """

    def __init__(self, loss: nn.Module) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor | Sequence[Tensor], label: Tensor) -> Tensor:
        if isinstance(logits, Tensor):
            return self.loss(logits, label)  # type: ignore[no-any-return]
        losses = [
            self.loss(level, F.interpolate(label, level.shape[2:], mode="nearest-exact")) for level in logits
        ]
        total: Tensor = sum(w * loss for w, loss in zip(level_weights(len(losses)), losses, strict=True))
        return total


def level_weights(levels: int) -> list[float]:
    """Return the weight of each resolution, finest first; halved from one to the next, 1 in sum."""
    halved = [0.5**level for level in range(levels)]
    return [weight / sum(halved) for weight in halved]


LOSSES: dict[str, Callable[..., nn.Module]] = {"dice_ce": DiceCE}
"""Name in a config -> loss."""

DERIVED = frozenset({"ignored"})
"""Parameters of a loss that follow from the data and are no options of a configuration."""
