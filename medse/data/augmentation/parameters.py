"""What was drawn at random for one batch."""

from dataclasses import dataclass

from torch import Tensor


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
