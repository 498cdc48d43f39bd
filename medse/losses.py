"""Losses: each is built as ``loss(**options)`` and called as ``loss(logits, label)``.

A new loss is one class here (or MONAI's own) and one line in :data:`LOSSES`.
"""

from collections.abc import Callable
from typing import Annotated

from monai.losses import DiceCELoss
from pydantic import Field
from torch import Tensor, nn


class DiceCE(nn.Module):
    """Soft Dice plus cross-entropy, computed in float32.

    Args:
        include_background: Whether the background is one of the Dice terms.
        batch: Whether Dice is taken over the whole batch, steadier when a class is absent from a patch,
            rather than per patch.
        dice_weight: Weight of the Dice term.
        ce_weight: Weight of the cross-entropy term.

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
    ) -> None:
        super().__init__()
        self.loss = DiceCELoss(
            include_background=include_background,
            to_onehot_y=True,
            softmax=True,
            batch=batch,
            lambda_dice=dice_weight,
            lambda_ce=ce_weight,
        )

    def forward(self, logits: Tensor, label: Tensor) -> Tensor:
        """Return the loss."""
        return self.loss(logits.float(), label)  # type: ignore[no-any-return]


LOSSES: dict[str, Callable[..., nn.Module]] = {"dice_ce": DiceCE}
"""Name in a config -> loss."""
