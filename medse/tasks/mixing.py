"""Mixing the images of a batch: mixup and CutMix."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Mixing:
    """Each batch is mixed with itself in another order, by one of the two ways that are on.

    Attributes:
        mixup: Parameter of the Beta distribution from which the share of the first image is drawn; 0 for no mixup.
        cutmix: The same for the share that a box of the second image leaves of the first; 0 for no CutMix.

    Reference:
        Zhang et al., mixup (ICLR 2018), equation 1; Yun et al., CutMix (ICCV 2019), equations 1 and 2.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def __call__(
        self, images: Tensor, targets: Tensor, masks: Tensor, seed: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix a batch; the same ``seed`` always does the same.

        Args:
            images: ``(B, C, *S)``.
            targets: Shares of the classes, ``(B, K)``.
            masks: Shares of the outline, ``(B, 1, *S)``; NaN where it is not known.

        Returns:
            The same three of the mixed batch. An outline is known where it is of both images.
        """
        ways = [way for way, on in (("mixup", self.mixup), ("cutmix", self.cutmix)) if on > 0]
        if not ways:
            return images, targets, masks
        random = np.random.default_rng(seed)
        way = ways[random.integers(len(ways))]
        order = torch.from_numpy(random.permutation(len(images))).to(images.device)
        shape = self.mixup if way == "mixup" else self.cutmix
        share = float(random.beta(shape, shape))
        if way == "mixup":
            images = share * images + (1 - share) * images[order]
            masks = share * masks + (1 - share) * masks[order]
        else:
            box, share = _box(images.shape[2:], share, random)
            images, masks = images.clone(), masks.clone()
            images[:, :, *box] = images[order][:, :, *box]
            masks[:, :, *box] = masks[order][:, :, *box]
        return images, share * targets + (1 - share) * targets[order], masks


def _box(
    shape: tuple[int, ...], share: float, random: np.random.Generator
) -> tuple[tuple[slice, ...], float]:
    """Return a box that leaves about ``share`` of the pixels, cut at the borders, and what it really leaves."""
    side = (1 - share) ** (1 / len(shape))
    box, inside = [], 1.0
    for length in shape:
        middle, half = random.integers(length), round(side * length / 2)
        low, high = max(0, middle - half), min(length, middle + half)
        box.append(slice(int(low), int(high)))
        inside *= (high - low) / length
    return tuple(box), 1 - inside
