"""Training images, with the seeds of what is done to them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from medse.data.augmentation.augmentation import Augmentation


class ImageItems(Dataset[dict[str, Any]]):
    """Prepared images with the number of their class, as pieces that :class:`Augmentation` makes images of.

    Where the augmentation looks beyond the border, the outermost pixels go on.

    Args:
        images: What :class:`medse.data.images.loading.ImageLoader` returns, for each case.
        targets: The number of the class of each.
        augmentation: What the batch goes through; None leaves the images as they are.
    """

    def __init__(
        self,
        images: Sequence[dict[str, Any]],
        targets: Sequence[int],
        augmentation: Augmentation | None,
    ) -> None:
        self.images, self.targets, self.augmentation = images, targets, augmentation

    def __getitem__(self, index: tuple[int, int]) -> dict[str, Any]:
        """Return the item of a (case, seed) pair.

        Returns:
            ``image`` ``(C, *N)`` and ``label``, its outline, ``(1, *N)``; whether it is ``outlined``, else the label
            is empty; ``target``; ``shift`` ``(D,)``, which is 0; and the ``seed`` of its augmentation.
        """
        number, seed = index
        item = self.images[number]
        image, outline = item["image"], item["mask"]
        outlined = outline is not None
        if outline is None:
            outline = np.zeros((1, *image.shape[1:]), np.uint8)
        change = int(np.random.default_rng(seed).integers(2**63))
        if self.augmentation is not None:
            reach = self.augmentation.reach(change, len(image))
            beside = [
                max(0, math.ceil(far - (length - 1) / 2))
                for far, length in zip(reach, image.shape[1:], strict=True)
            ]
            around = [(0, 0), *((n, n) for n in beside)]
            image = np.pad(image, around, mode="edge")
            outline = np.pad(outline, around)
        return {
            "image": image,
            "label": outline,
            "outlined": outlined,
            "target": self.targets[number],
            "shift": np.zeros(len(image.shape) - 1, np.float32),
            "seed": change,
        }
