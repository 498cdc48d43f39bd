"""Insertion and deletion: whether the places that a map shows are those by which the net decides."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from monai.networks.layers import GaussianFilter
from torch import Tensor, nn
from torch.nn import functional as F

from medse.arrays import FloatArray, ImageArray
from medse.errors import InputError
from medse.registry import check_arguments

STEPS = 32
"""Parts of equally many pixels in which an image is taken away or put in."""
BLUR = 5 / 224
"""Standard deviation of the blur from which insertion starts, as a share of the image's longest axis."""
CELLS = 7
"""Cells per axis of the random order that maps are compared with: as coarse as the last map of a ResNet at 224."""
VOXELS_AT_ONCE = 1 << 20
"""Of images that the net gets together: 16 of 256 x 256."""


@dataclass(frozen=True)
class Faithfulness:
    """Areas under the probability of a class, from 0 to 1.

    Attributes:
        insertion: While pixels are put into the blurred image, the most important first; more is better.
        deletion: While pixels are replaced by the image's mean, the most important first; less is better.
    """

    insertion: float
    deletion: float


@check_arguments("net", "image")
def insertion_deletion(
    net: nn.Module, image: Tensor, heat: ImageArray, target: int, *, steps: int = STEPS
) -> Faithfulness:
    """Judge a map of an image by what the net says when its places are taken away or put in.

    Insertion starts from the image blurred by a Gaussian whose standard deviation is 5/224 of its longest axis, and
    deletion ends in the image's mean per channel. Pixels change in ``steps`` parts of equally many, in the order of
    the map; equal ones in a random order that is the same every time. The area is taken by the trapezoidal rule over
    the share of pixels, both ends included. What areas are worth is told by those of :func:`random_order`, since
    pixels unlike any that the net has seen change its answer as well.

    Args:
        net: A classifier in evaluation mode; logits ``(B, K)``, of which the softmax is taken.
        image: ``(C, *spatial)``, prepared as for the net, on its device.
        heat: ``(*spatial)``, more where a pixel matters more.
        target: Index of the class.

    Raises:
        InputError: The map has another shape than the image.

    Reference:
        Petsiuk, Das, Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models (BMVC 2018), the
        causal metrics; their blur has a standard deviation of 5 pixels at 224.
    """
    if heat.shape != tuple(image.shape[1:]):
        raise InputError(
            f"The map has the shape {heat.shape} and the image {tuple(image.shape[1:])}; both must be the same; "
            "give the map on the grid of the prepared image."
        )
    tie = np.random.default_rng(0).random(heat.size)
    order = torch.as_tensor(np.lexsort((tie, -heat.ravel())).copy(), device=image.device)
    spatial = tuple(range(1, image.ndim))
    mean = image.mean(spatial, keepdim=True).expand_as(image)
    return Faithfulness(
        insertion=_area(_curve(net, blurred(image), image, order, target, steps)),
        deletion=_area(_curve(net, image, mean, order, target, steps)),
    )


def blurred(image: Tensor) -> Tensor:
    """Return ``(C, *spatial)`` smoothed by a Gaussian, beyond whose borders its outermost voxels go on."""
    sigma = BLUR * max(image.shape[1:])
    margin = int(4 * sigma) + 1
    padded = F.pad(image[None], [margin] * 2 * (image.ndim - 1), mode="replicate")
    smooth = GaussianFilter(image.ndim - 1, sigma).to(image.device)(padded)
    inner = [slice(margin, margin + length) for length in image.shape[1:]]
    return smooth[(0, slice(None), *inner)]  # type: ignore[no-any-return]


def random_order(shape: tuple[int, ...], seed: int) -> ImageArray:
    """Return a map of random numbers on a grid of :data:`CELLS` per axis, interpolated linearly to ``shape``.

    A map by which the areas of others are judged must be as coarse as they are: single pixels taken away at random
    destroy an image sooner than the same number side by side.
    """
    cells = np.random.default_rng(seed).random((1, 1, *(min(CELLS, length) for length in shape)))
    mode = "bilinear" if len(shape) == 2 else "trilinear"
    return F.interpolate(torch.as_tensor(cells, dtype=torch.float32), size=shape, mode=mode)[0, 0].numpy()


@torch.no_grad()
def _curve(
    net: nn.Module, before: Tensor, after: Tensor, order: Tensor, target: int, steps: int
) -> FloatArray:
    """Return the probability of a class after each part of the pixels, ``(steps + 1,)``."""
    found = [
        net(batch).float().softmax(1)[:, target].double().cpu().numpy()
        for batch in _changed(before, after, order, steps)
    ]
    return np.concatenate(found)


def _changed(before: Tensor, after: Tensor, order: Tensor, steps: int) -> Iterator[Tensor]:
    """Yield the images between two, a few at once ``(b, C, *spatial)``."""
    ends = np.rint(np.linspace(0, len(order), steps + 1)).astype(int)
    now, goal = before.flatten(1).clone(), after.flatten(1)
    batch, done, most = [], 0, max(1, VOXELS_AT_ONCE // len(order))
    for end in ends:
        part = order[done:end]
        now[:, part] = goal[:, part]
        batch.append(now.reshape(before.shape).clone())
        done = end
        if len(batch) == most or end == ends[-1]:
            yield torch.stack(batch)
            batch = []


def _area(curve: FloatArray) -> float:
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))
