"""Losses of a classifier: each is built as ``loss(**options)``; see :class:`CrossEntropy` for how it is called.

A new loss is one class here and one line in :data:`CLASSIFICATION_LOSSES`.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from monai.losses import DiceLoss
from pydantic import Field
from torch import Tensor, nn


class CrossEntropy(nn.Module):
    """Cross-entropy of the classes and, where outlines are known, that of the outline with its Dice beside it.

    Args:
        label_smoothing: Share of each target that is dealt equally to all classes.
        balanced: Whether classes weigh inversely to how often they occur in training, ``n / (K n_k)``, so that rare
            ones count as much as frequent ones.
        outline: Weight of learning the outline beside the class; 0 for a network without that output.
        counts: Images of each class in training.

    Shape:
        Logits ``(B, K)``, shares of the classes ``(B, K)``, and where ``outline`` is above 0 the outline's logits
        ``(B, 1, *M)`` and shares ``(B, 1, *S)``, NaN where it is not known, to a scalar.

    Reference:
        Szegedy et al., Rethinking the Inception Architecture (CVPR 2016), section 7, for the smoothing.
    """

    weight: Tensor | None

    def __init__(
        self,
        *,
        label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0,
        balanced: bool = False,
        outline: Annotated[float, Field(ge=0)] = 0.0,
        counts: Sequence[int],
    ) -> None:
        super().__init__()
        self.label_smoothing, self.outline = label_smoothing, outline
        each = torch.tensor(counts, dtype=torch.float32)
        self.register_buffer(
            "weight", each.sum() / (len(each) * each) if balanced else None, persistent=False
        )
        self.dice = DiceLoss(sigmoid=True, smooth_nr=1.0, smooth_dr=1.0, reduction="none")

    def forward(self, logits: Tensor, targets: Tensor, drawn: Tensor | None, masks: Tensor) -> Tensor:
        loss = F.cross_entropy(
            logits.float(), targets, weight=self.weight, label_smoothing=self.label_smoothing
        )
        return loss if drawn is None else loss + self.outline * self._of_outline(drawn.float(), masks)

    def _of_outline(self, drawn: Tensor, masks: Tensor) -> Tensor:
        """Mean over the images whose outline is known; 0 where none is."""
        shares = F.interpolate(masks, drawn.shape[2:], mode="area")
        known = shares.flatten(1).isfinite().all(1)
        shares = torch.where(known.reshape(-1, *[1] * (shares.ndim - 1)), shares, torch.zeros_like(shares))
        entropy = F.binary_cross_entropy_with_logits(drawn, shares, reduction="none").flatten(1).mean(1)
        each = (entropy + self.dice(drawn, shares).flatten(1).mean(1)) * known
        total: Tensor = each.sum() / known.sum().clamp(min=1)
        return total


CLASSIFICATION_LOSSES: dict[str, Callable[..., nn.Module]] = {"cross_entropy": CrossEntropy}
"""Name in a config -> loss."""

DERIVED = frozenset({"counts"})
"""Parameters of a loss that follow from the data and are no options of a configuration."""
