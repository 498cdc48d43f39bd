"""Losses: each is built as ``loss(**options)`` and called as ``loss(logits, label)``.

A new loss is one class here (or MONAI's own) and one line in :data:`LOSSES`.
"""

from collections.abc import Callable
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

    Shape:
        Logits ``(B, K, *spatial)`` and class indices ``(B, 1, *spatial)`` to a scalar. Voxels of index ``K``
        are ignored: the loss is that of the others alone.

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
    ) -> None:
        super().__init__()
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
        counted = label != logits.shape[1]
        if counted.all():
            return self.loss(logits.float(), label)  # type: ignore[no-any-return]
        return self._without_ignored(logits.float(), label, counted)

    def _without_ignored(self, logits: Tensor, label: Tensor, counted: Tensor) -> Tensor:
        classes = logits.shape[1]
        shares = logits.softmax(dim=1) * counted
        target = one_hot(label, classes + 1)[:, :classes]
        entropy = F.cross_entropy(logits, label[:, 0].long(), ignore_index=classes, reduction="sum")
        entropy = entropy / counted.sum().clamp(min=1)  # finite where every voxel is ignored
        return self.dice_weight * self.dice(shares, target) + self.ce_weight * entropy  # type: ignore[no-any-return]


LOSSES: dict[str, Callable[..., nn.Module]] = {"dice_ce": DiceCE}
"""Name in a config -> loss."""
