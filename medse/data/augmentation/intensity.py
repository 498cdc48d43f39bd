"""Changing intensities of z-scored images: resolution, gamma, contrast, brightness and noise.

Every function takes images ``(B, C, *S)`` and one value per item and channel ``(B, C)``, returns new images,
and leaves items whose values all mean "no change" as they are, bit for bit.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from medse.data.augmentation.spatial import along_axes

TINY = 1e-6
"""Below this a range or deviation counts as none."""


def blur(images: Tensor, sd_voxels: Tensor) -> Tensor:
    """Smooth with a Gaussian of standard deviation ``sd_voxels``; 0 is no change.

    Weights are normalised at the border, so a constant image stays constant.
    """

    def change(x: Tensor, sd: Tensor) -> Tensor:
        flat = x.flatten(0, 1)[:, None]  # each channel has its own filter
        width = sd.reshape(-1, 1, 1).clamp_min(0.1)  # 0.1 voxels: neighbours weigh 1e-22, the identity
        return along_axes(flat, [_gaussian_matrix(n, width) for n in x.shape[2:]]).reshape(x.shape)

    return _where(images, sd_voxels, 0, change)


def change_gamma(images: Tensor, exponent: Tensor) -> Tensor:
    """Raise intensities, scaled to 0..1, to ``exponent``, keeping mean and deviation; 1 is no change."""

    def change(x: Tensor, exponent: Tensor) -> Tensor:
        axes = tuple(range(2, x.ndim))
        low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
        curved = ((x - low) / (high - low).clamp_min(TINY)).pow(exponent)
        deviation, mean = torch.std_mean(x, axes, keepdim=True)
        curved_deviation, curved_mean = torch.std_mean(curved, axes, keepdim=True)
        return (curved - curved_mean) * (deviation / curved_deviation.clamp_min(TINY)) + mean

    return _where(images, exponent, 1, change)


def change_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from the patch's mean by ``factor``; 1 is no change."""

    def change(x: Tensor, factor: Tensor) -> Tensor:
        return torch.lerp(x.mean(tuple(range(2, x.ndim)), keepdim=True), x, factor)

    return _where(images, factor, 1, change)


def change_brightness(images: Tensor, shift: Tensor) -> Tensor:
    """Add ``shift``; 0 is no change."""
    return _where(images, shift, 0, torch.add)


def add_noise(images: Tensor, sd: Tensor, seed: Tensor) -> Tensor:
    """Add Gaussian noise of standard deviation ``sd``; 0 is no change.

    The noise follows from ``seed`` ``(B,)``: the same on the same kind of device, whatever the rest of the
    batch. Seeds rather than noise are the parameters, because noise is as large as the batch.
    """
    noisy = images.clone() if (sd != 0).any() else images
    for item in (sd != 0).any(dim=1).nonzero().flatten().tolist():
        generator = torch.Generator(images.device).manual_seed(int(seed[item]))
        noise = torch.randn(images.shape[1:], generator=generator, device=images.device)
        noisy[item] += _values(sd[item], noise) * noise
    return noisy


def _where(
    images: Tensor, values: Tensor, neutral: float, change: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    chosen = (values != neutral).any(dim=1)
    if not chosen.any():
        return images
    items = chosen.nonzero().flatten()
    changed = images.clone()  # keeps channels-last
    here = items.to(images.device)
    changed[here] = change(images[here], _values(values[items], images))
    return changed


def _values(values: Tensor, images: Tensor) -> Tensor:
    """Bring values to the images' device and let them broadcast over the spatial axes."""
    return values.to(images.device)[(..., *[None] * (images.ndim - values.ndim))]


def _gaussian_matrix(n: int, sd: Tensor) -> Tensor:
    """Row-normalised Gaussian weights ``(B, n, n)`` for deviations ``(B, 1, 1)``."""
    voxel = torch.arange(n, device=sd.device)
    weights = torch.exp(-0.5 * ((voxel[:, None] - voxel) / sd).square())
    return weights / weights.sum(dim=-1, keepdim=True)
