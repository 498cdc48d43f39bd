"""Random changes to a batch of patches, 2-D or 3-D, on the device the batch is on."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from medse.data.augmentation.intensity import (
    add_noise,
    blur,
    change_brightness,
    change_contrast,
    change_gamma,
)
from medse.data.augmentation.mirroring import LEFT_RIGHT, mirror_swap, patch_axes, swapped_pairs
from medse.data.augmentation.spatial import FOLD_FREE, affine_matrices, control_shape, swap_classes, warp
from medse.errors import InputError
from medse.registry import check_options


@dataclass(frozen=True)
class AugmentationParameters:
    """Everything random about one augmentation of one batch: kept, it can be replayed.

    Attributes:
        matrix: ``(B, D, D)``; see :func:`medse.data.augmentation.spatial.warp`.
        control: ``(B, D, *K)``, displacements of the spline's control points in voxels.
        sides_swapped: ``(B,)``, whether the matrix mirrors left and right, so that paired classes are swapped.
        blur_voxels: ``(B, C)``, standard deviation of the blur.
        gamma: ``(B, C)``, exponent.
        contrast: ``(B, C)``, factor.
        brightness: ``(B, C)``, shift.
        noise_sd: ``(B, C)``, standard deviation of the noise.
        noise_seed: ``(B,)``, seed of the noise.
    """

    matrix: Tensor
    control: Tensor
    sides_swapped: Tensor
    blur_voxels: Tensor
    gamma: Tensor
    contrast: Tensor
    brightness: Tensor
    noise_sd: Tensor
    noise_seed: Tensor


Limit = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Chance = Annotated[float, Field(ge=0, le=1)]

DERIVED = frozenset({"slice_axis", "classes"})
"""Parameters of :class:`Augmentation` that follow from the data and are no options of a configuration."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random affine, elastic, mirror and intensity changes, drawn for each item of a batch.

    Strengths are drawn uniformly up to the limit given, factors on a logarithmic scale, so that larger and
    smaller are equally likely; a limit of 0 turns a change off. Intensities are in standard deviations of the
    normalised image. nnU-Net's values are those of its second version's default trainer.

    Attributes:
        rotation_degrees: Largest angle about each axis (2-D: in the plane). 15: a head tilted in the scanner;
            half of nnU-Net's 30.
        scale: Largest change of size; 0.15 is a factor of 1/1.15 to 1.15. Adult head lengths differ by about
            a tenth either way; nnU-Net has 0.7 to 1.4.
        stretch: The same for each axis on its own, on top of ``scale``. 0.08: heads are longer or rounder.
        elastic_voxels: Largest displacement of a control point along each axis. 4 moves tissue by up to 3
            voxels and changes volumes locally by 10 % (standard deviation; 30 % at most), measured.
        elastic_spacing_voxels: Distance between control points: the size of what is bent. 16 is between a
            gyrus and a lobe at 1 to 2 mm.
        mirror_axes: Axes of the volume mirrored at random, in RAS order (0 is left-right). Along 0, classes that
            come in left-right pairs are swapped in the items mirrored. None by default: hearts and livers have
            no mirror image.
        blur_voxels: Largest standard deviation of the Gaussian blur. 1: as nnU-Net.
        gamma: 0.4 is an exponent of 1/1.4 to 1.4, about nnU-Net's 0.7 to 1.5.
        contrast: 0.25 is a factor of 1/1.25 to 1.25, nnU-Net's upper end.
        brightness: Largest shift. 0.2: the mean of a patch strays by that from the mean of its volume.
        noise_sd: Largest standard deviation of Gaussian noise. 0.2: between a good and a noisy scan; nnU-Net
            goes to 0.32.
        spatial_probability: Chance that an item is moved (affine and elastic together). 0.8: one in five shows
            its labels as they were drawn, not resampled.
        intensity_probability: Chance of each of the five intensity changes, on its own. 0.2: nnU-Net's are
            0.1 to 0.3.
        slice_axis: Axis of the volume that 2-D patches are cut across; None where patches keep all axes.
        classes: Names of the foreground classes, from which follows which are pairs.

    Raises:
        InputError: A limit is negative or not finite, a probability above 1, the elastic displacement so
            large that tissue could fold, or an axis is not 0, 1 or 2 or cannot be mirrored: it is cut across,
            or it is left-right and a class names a side that no other class is the counterpart of.
    """

    rotation_degrees: Limit = 15.0
    scale: Limit = 0.15
    stretch: Limit = 0.08
    elastic_voxels: Limit = 4.0
    elastic_spacing_voxels: PositiveInt = 16
    mirror_axes: tuple[Literal[0, 1, 2], ...] = ()
    blur_voxels: Limit = 1.0
    gamma: Limit = 0.4
    contrast: Limit = 0.25
    brightness: Limit = 0.2
    noise_sd: Limit = 0.2
    spatial_probability: Chance = 0.8
    intensity_probability: Chance = 0.2
    slice_axis: int | None = None
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.elastic_voxels > (limit := self.elastic_spacing_voxels * FOLD_FREE):
            raise InputError(
                f"Augmentation elastic_voxels is {self.elastic_voxels} with elastic_spacing_voxels "
                f"{self.elastic_spacing_voxels}; above {limit:.3g} tissue could fold; lower the first or "
                "raise the second."
            )
        if len(set(self.mirror_axes)) < len(self.mirror_axes):
            raise InputError(
                f"Augmentation mirror_axes is {self.mirror_axes}; each axis counts at most once; 0 is left-right."
            )
        patch_axes(self.mirror_axes, self.slice_axis)
        if LEFT_RIGHT in self.mirror_axes:
            mirror_swap(self.classes)

    def sample(self, images: Tensor, generator: torch.Generator) -> AugmentationParameters:
        """Draw the parameters for a batch ``(B, C, *S)``, on the generator's device."""
        batch, channels, *shape = images.shape
        dims = len(shape)
        axes = patch_axes(self.mirror_axes, self.slice_axis)
        if any(axis >= dims for axis in axes):
            raise InputError(
                f"Augmentation mirror_axes is {self.mirror_axes}, but the patches have {dims} axes; "
                f"use 0 to {dims - 1}."
            )
        device = generator.device

        def uniform(limit: float, *size: int) -> Tensor:
            return limit * (2 * torch.rand(size, generator=generator, device=device) - 1)

        def happens(probability: float, *size: int) -> Tensor:
            return torch.rand(size, generator=generator, device=device) < probability

        def intensity() -> Tensor:
            """Values in -1..1 per channel, 0 for items that are not to change."""
            return uniform(1, batch, channels) * happens(self.intensity_probability, batch, 1)

        moved = happens(self.spatial_probability, batch, 1)
        planes = len(list(combinations(range(dims), 2)))
        angles = uniform(math.radians(self.rotation_degrees), batch, planes) * moved
        size = uniform(math.log1p(self.scale), batch, 1) + uniform(math.log1p(self.stretch), batch, dims)
        mirrored = happens(0.5, batch, dims)
        mirrored[:, [axis for axis in range(dims) if axis not in axes]] = False
        factors = torch.exp(size * moved) * torch.where(mirrored, -1.0, 1.0)
        with torch.autocast(device.type, enabled=False):
            matrix = affine_matrices(angles, factors)
        points = control_shape(shape, self.elastic_spacing_voxels)
        control = uniform(self.elastic_voxels, batch, dims, *points)
        return AugmentationParameters(
            matrix=matrix,
            control=control * moved.reshape(batch, *[1] * (dims + 1)),
            sides_swapped=mirrored[:, 0] & (LEFT_RIGHT in self.mirror_axes),
            blur_voxels=intensity().abs() * self.blur_voxels,
            gamma=torch.exp(intensity() * math.log1p(self.gamma)),
            contrast=torch.exp(intensity() * math.log1p(self.contrast)),
            brightness=intensity() * self.brightness,
            noise_sd=intensity().abs() * self.noise_sd,
            noise_seed=torch.randint(2**62, (batch,), generator=generator, device=device),
        )

    @torch.no_grad()
    def apply(
        self, images: Tensor, labels: Tensor, parameters: AugmentationParameters
    ) -> tuple[Tensor, Tensor]:
        """Change ``(B, C, *S)`` float32 images and ``(B, 1, *S)`` integer labels as the parameters say.

        Space first, then what the scanner does, its noise last. The input is left as it is; where nothing
        changes it may be returned itself. Computed in float32 also under autocast.
        """
        with torch.autocast(images.device.type, enabled=False):
            images, labels = warp(
                images, labels, parameters.matrix, parameters.control, self.elastic_spacing_voxels
            )
            if swapped_pairs(self.mirror_axes, self.classes):
                labels = swap_classes(labels, parameters.sides_swapped, mirror_swap(self.classes))
            images = blur(images, parameters.blur_voxels)
            images = change_gamma(images, parameters.gamma)
            images = change_contrast(images, parameters.contrast)
            images = change_brightness(images, parameters.brightness)
            images = add_noise(images, parameters.noise_sd, parameters.noise_seed)
        return images, labels

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw parameters and apply them; same generator state, same result."""
        return self.apply(images, labels, self.sample(images, generator))


check_options(Augmentation, DERIVED)
