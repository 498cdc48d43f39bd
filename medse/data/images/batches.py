"""Training images, with the seeds of what is done to them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch.utils.data import Dataset

from medse.arrays import AnyArray
from medse.data.augmentation.augmentation import Augmentation
from medse.data.images.scaling import scaled, scaled_mask

ASIDE = 0.375
"""How far from the middle of a closer look the outline's may lie, in halves of what is seen."""


@dataclass(frozen=True)
class Closer:
    """How training images are seen from close by, as :class:`medse.inference.views.Views` sees them.

    Attributes:
        share: Of the images with an outline.
        zooms: Least and largest enlargement; those between are equally likely on a logarithmic scale.
    """

    share: float
    zooms: tuple[float, float]

    def __call__(self, image: AnyArray, outline: AnyArray, seed: int) -> tuple[AnyArray, AnyArray]:
        """Return image ``(C, *N)`` and outline ``(1, *N)`` as they are, or a part around the outline, as large."""
        random = np.random.default_rng(seed)
        marked = np.argwhere(outline[0])
        if random.random() >= self.share or not len(marked):
            return image, outline
        zoom = math.exp(random.uniform(*np.log(self.zooms)))
        box = []
        for length, middle in zip(outline.shape[1:], marked.mean(axis=0) + 0.5, strict=True):
            side = max(1, round(length / zoom))
            start = round(middle + random.uniform(-ASIDE, ASIDE) * side / 2 - side / 2)
            start = min(max(start, 0), length - side)
            box.append(slice(start, start + side))
        part = (slice(None), *box)
        size = outline.shape[1:]
        return scaled(image[part], size), scaled_mask(outline[0][tuple(box)] != 0, size)[None]


class ImageItems(Dataset[dict[str, Any]]):
    """Prepared images with the number of their class, as pieces that :class:`Augmentation` makes images of.

    Where the augmentation looks beyond the border, the outermost pixels go on.

    Args:
        images: What :class:`medse.data.images.loading.ImageLoader` returns, for each case.
        targets: The number of the class of each.
        augmentation: What the batch goes through; None leaves the images as they are.
        closer: Which parts are seen instead of the whole.
    """

    def __init__(
        self,
        images: Sequence[dict[str, Any]],
        targets: Sequence[int],
        augmentation: Augmentation | None,
        closer: Closer,
    ) -> None:
        self.images, self.targets, self.augmentation, self.closer = images, targets, augmentation, closer

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
        look, change = np.random.default_rng(seed).integers(2**63, size=2).tolist()
        image, outline = self.closer(image, outline, look)
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
