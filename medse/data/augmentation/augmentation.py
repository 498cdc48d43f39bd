"""Random changes to a batch of patches, 2-D or 3-D, on the device the batch is on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, PositiveFloat
from torch import Tensor

from medse.data.augmentation.intensity import (
    add_noise,
    blur,
    change_brightness,
    change_contrast,
    change_gamma,
)
from medse.data.augmentation.mirroring import LEFT_RIGHT, mirror_swap, patch_axes, swapped_pairs
from medse.data.augmentation.spatial import (
    FOLD_FREE,
    affine_matrices,
    control_shape,
    reach,
    swap_classes,
    warp,
)
from medse.errors import InputError
from medse.registry import check_options


@dataclass(frozen=True)
class AugmentationParameters:
    """Everything random about one augmentation of one batch.

    Attributes:
        matrix: ``(B, D, D)``, for offsets in voxels; see :func:`medse.data.augmentation.spatial.warp`.
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

DERIVED = frozenset({"patch_size", "spacing_mm", "slice_axis", "classes"})
"""Parameters of :class:`Augmentation` that follow from the data and are no options of a configuration."""

ANISOTROPIC = 3
"""Above this ratio of the largest spacing to the next an axis has thick slices: nnU-Net's ``ANISO_THRESHOLD``."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Random affine, elastic, mirror and intensity changes, drawn for each item of a batch.

    Strengths are drawn uniformly up to the limit given, factors on a logarithmic scale, so that larger and
    smaller are equally likely; a limit of 0 turns a change off. Intensities are in standard deviations of the
    normalised image. nnU-Net's values are those of its second version's default trainer.

    Tissue is moved in mm, whatever the shape of a voxel. Where one axis has slices more than three times as thick as
    the next largest spacing, images are turned, sized, stretched and bent within the slices alone, because what is
    interpolated between slices so far apart was never measured. nnU-Net does the same, its "dummy 2-D", where the
    longest side of the patch is more than three times that along the thick axis, which its planner lets follow from
    the spacing.

    The blur counts in voxels: along each axis a scanner resolves about a voxel, across slices of 8 mm as within
    them.

    Attributes:
        patch_size: Voxels of a patch along each of its axes.
        spacing_mm: Of the training grid, along the same axes.
        rotation_degrees: Largest angle in the plane of each pair of axes. 15: a head tilted in the scanner;
            half of nnU-Net's 30.
        scale: Largest change of size; 0.15 is a factor of 1/1.15 to 1.15. Adult head lengths differ by about
            a tenth either way; nnU-Net has 0.7 to 1.4.
        stretch: The same for each axis on its own, on top of ``scale``. 0.08: heads are longer or rounder.
        elastic_mm: Largest displacement of a control point along each axis. 4 mm with 16 between the points moves
            tissue by up to 3 mm and changes volumes locally by 10 % (standard deviation; 30 % at most), measured.
        elastic_spacing_mm: Distance between control points: the size of what is bent. 16 is between a gyrus and a
            lobe.
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
            large that tissue could fold, control points are closer than voxels, or an axis is not 0, 1 or 2 or
            cannot be mirrored: it is cut across, or it is left-right and a class names a side that no other class is
            the counterpart of.
    """

    patch_size: tuple[int, ...]
    spacing_mm: tuple[float, ...]
    rotation_degrees: Limit = 15.0
    scale: Limit = 0.15
    stretch: Limit = 0.08
    elastic_mm: Limit = 4.0
    elastic_spacing_mm: Annotated[PositiveFloat, Field(allow_inf_nan=False)] = 16.0
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
        if self.elastic_mm > (limit := self.elastic_spacing_mm * FOLD_FREE):
            raise InputError(
                f"Augmentation elastic_mm is {self.elastic_mm} with elastic_spacing_mm "
                f"{self.elastic_spacing_mm}; above {limit:.3g} tissue could fold; lower the first or "
                "raise the second."
            )
        if self.elastic_spacing_mm < (voxel := min(self.spacing_mm)):
            raise InputError(
                f"Augmentation elastic_spacing_mm is {self.elastic_spacing_mm}, but the training grid has voxels of "
                f"{voxel:g} mm and nothing smaller can be bent; raise elastic_spacing_mm to {voxel:g} or more."
            )
        if len(set(self.mirror_axes)) < len(self.mirror_axes):
            raise InputError(
                f"Augmentation mirror_axes is {self.mirror_axes}; each axis counts at most once; 0 is left-right."
            )
        patch_axes(self.mirror_axes, self.slice_axis)
        if LEFT_RIGHT in self.mirror_axes:
            mirror_swap(self.classes)

    @property
    def elastic_spacing_voxels(self) -> tuple[float, ...]:
        """Voxels between the control points, along each axis of the patch."""
        return tuple(self.elastic_spacing_mm / mm for mm in self.spacing_mm)

    def sample(self, seeds: Sequence[int], channels: int) -> AugmentationParameters:
        """Draw the parameters of a batch, those of each item from its own seed alone."""
        batch, dims = len(seeds), len(self.patch_size)
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]

        def uniform(limit: float, *size: int) -> Tensor:
            return limit * (2 * torch.stack([torch.rand(size, generator=own) for own in generators]) - 1)

        def happens(probability: float, *size: int) -> Tensor:
            return torch.stack([torch.rand(size, generator=own) for own in generators]) < probability

        def intensity() -> Tensor:
            """Values in -1..1 per channel, 0 for items that are not to change."""
            return uniform(1, channels) * happens(self.intensity_probability, 1)

        moved = happens(self.spatial_probability, 1)
        thin = torch.tensor(_thin(self.spacing_mm))
        flat = torch.tensor([bool(thin[i] and thin[j]) for i, j in combinations(range(dims), 2)])
        angles = uniform(math.radians(self.rotation_degrees), len(flat)) * (moved & flat)
        size = uniform(math.log1p(self.scale), 1) + uniform(math.log1p(self.stretch), dims)
        axes = patch_axes(self.mirror_axes, self.slice_axis)
        mirrored = happens(0.5, dims)
        mirrored[:, [axis for axis in range(dims) if axis not in axes]] = False
        factors = torch.exp(size * (moved & thin)) * torch.where(mirrored, -1.0, 1.0)
        with torch.autocast("cpu", enabled=False):
            matrix = affine_matrices(angles, factors, self.spacing_mm)
        points = control_shape(self.patch_size, self.elastic_spacing_voxels)
        bent = (moved & thin) * self.elastic_mm / torch.tensor(self.spacing_mm)  # (B, D), in voxels
        control = uniform(1, dims, *points) * bent.reshape(batch, dims, *[1] * dims)
        return AugmentationParameters(
            matrix=matrix,
            control=control,
            sides_swapped=mirrored[:, 0] & (LEFT_RIGHT in self.mirror_axes),
            blur_voxels=intensity().abs() * self.blur_voxels,
            gamma=torch.exp(intensity() * math.log1p(self.gamma)),
            contrast=torch.exp(intensity() * math.log1p(self.contrast)),
            brightness=intensity() * self.brightness,
            noise_sd=intensity().abs() * self.noise_sd,
            noise_seed=torch.stack([torch.randint(2**62, (), generator=own) for own in generators]),
        )

    def reach(self, seed: int, channels: int) -> list[float]:
        """Return how far from the patch's centre the item of ``seed`` looks along each axis, in voxels."""
        drawn = self.sample([seed], channels)
        farthest: list[float] = reach(drawn.matrix, drawn.control, self.patch_size)[0].tolist()
        return farthest

    @torch.no_grad()
    def apply(
        self,
        images: Sequence[Tensor],
        labels: Sequence[Tensor],
        shift: Tensor,
        parameters: AugmentationParameters,
    ) -> tuple[Tensor, Tensor]:
        """Make patches ``(B, C, *S)`` float32 and ``(B, 1, *S)`` of integer labels from pieces of scans.

        Space first, then what the scanner does, its noise last: in the patch alone, where no zeros move in from the
        borders. The input is left as it is. Computed in float32 also under autocast.

        Args:
            images: B pieces ``(C, *N)``, each with what lies within :meth:`reach` of its patch's centre.
            labels: Their labels ``(1, *N)``.
            shift: ``(B, D)``, from the middle of each piece to the centre of its patch, in voxels.
        """
        with torch.autocast(images[0].device.type, enabled=False):
            moved, moved_labels = warp(
                images,
                labels,
                shift,
                self.patch_size,
                parameters.matrix,
                parameters.control,
                self.elastic_spacing_voxels,
            )
            if swapped_pairs(self.mirror_axes, self.classes):
                moved_labels = swap_classes(moved_labels, parameters.sides_swapped, mirror_swap(self.classes))
            changed = blur(moved, parameters.blur_voxels)
            changed = change_gamma(changed, parameters.gamma)
            changed = change_contrast(changed, parameters.contrast)
            changed = change_brightness(changed, parameters.brightness)
            changed = add_noise(changed, parameters.noise_sd, parameters.noise_seed)
        return changed, moved_labels

    def __call__(self, batch: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Make patches from what :func:`medse.data.patches.gather` returns; same seeds, same patches."""
        parameters = self.sample(batch["seed"], len(batch["image"][0]))
        return self.apply(batch["image"], batch["label"], batch["shift"], parameters)


def _thin(spacing_mm: Sequence[float]) -> list[bool]:
    """Which axes have no thick slices: all, or all but one."""
    next_largest = sorted(spacing_mm)[-2]
    return [mm <= ANISOTROPIC * next_largest for mm in spacing_mm]


check_options(Augmentation, DERIVED)
