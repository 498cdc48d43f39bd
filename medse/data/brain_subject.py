"""One generated subject: the template bent by an invertible deformation, seen by an imperfect scanner."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk  # noqa: N813  the name its own manual uses
from scipy import ndimage

Array = npt.NDArray[np.float32]
LabelMap = npt.NDArray[np.uint8]

SPACING_MM = 2.0
COARSE = 2
"""Voxels per voxel of the velocity field: it is smooth, so half the resolution loses nothing."""
BENDS = ((40.0, 5.0), (18.0, 3.0), (9.0, 1.5))
"""Smoothness and standard deviation, both in mm, of the velocity: whole brain, lobes, gyri."""
PULL_MM = 1.5
"""Largest velocity towards or away from CSF (wide or narrow ventricles and sulci), and from white matter."""
SQUARINGS = 6
"""2**6 steps make each step shorter than a tenth of the field's voxels."""
SMALLEST = 10
"""Fewest voxels of a connected piece of tissue; smaller ones go to the next best tissue."""


@dataclass(frozen=True)
class Template:
    """The ICBM152 maps on one 2 mm grid in RAS order, all from 0 to 1.

    Attributes:
        t1: ``(X, Y, Z)``, image intensity, 0 outside the brain.
        tissues: ``(3, X, Y, Z)``, shares of CSF, grey and white matter.
        affine: Voxel-to-world matrix in mm (MNI space).
    """

    t1: Array
    tissues: Array
    affine: npt.NDArray[np.float64]


def generate_subject(template: Template, random: np.random.Generator) -> tuple[Array, LabelMap]:
    """Return image and label map of a new subject on the template's grid."""
    transform = draw_deformation(template, random)
    t1 = np.clip(_resample(template.t1, transform, sitk.sitkBSpline), 0, 1)
    tissues = np.stack([_resample(share, transform, sitk.sitkLinear) for share in template.tissues])
    return _scan(t1, tissues, random), label_map(tissues)


def label_map(tissues: Array) -> LabelMap:
    """Return the tissue with the largest share, 1 to 3, where brain is more than half, else 0."""
    shares = tissues.copy()
    best = shares.argmax(axis=0)
    brain = shares.sum(axis=0) > 0.5
    for tissue, share in enumerate(shares):
        pieces, count = ndimage.label(brain & (best == tissue), structure=np.ones((3, 3, 3)))
        small = np.bincount(pieces.ravel(), minlength=count + 1) < SMALLEST
        share[small[pieces] & (pieces > 0)] = -1
    label: LabelMap = np.where(brain, shares.argmax(axis=0) + 1, 0).astype(np.uint8)
    return label


def draw_deformation(template: Template, random: np.random.Generator) -> sitk.Transform:
    """Draw the map from a subject's points to the template's, in mm from the grid's first voxel.

    A smooth velocity field is integrated, which gives a displacement that folds nothing; an affine map
    (head size, shape and position) comes before it.
    """
    csf, _, white = template.tissues[:, ::COARSE, ::COARSE, ::COARSE]
    velocity = np.zeros((*csf.shape, 3))
    for smooth_mm, sd_mm in BENDS:
        width = smooth_mm / (SPACING_MM * COARSE)
        for axis in range(3):
            wave = ndimage.gaussian_filter(random.standard_normal(csf.shape), width, truncate=3)
            velocity[..., axis] += sd_mm * wave / wave.std()
    for tissue in (csf, white):
        pull = np.stack(np.gradient(ndimage.gaussian_filter(tissue.astype(np.float64), 1)), axis=-1)
        velocity += random.uniform(-PULL_MM, PULL_MM) * pull / np.linalg.norm(pull, axis=-1).max()
    bend = _exponential(velocity)

    affine = sitk.AffineTransform(3)
    affine.SetCenter([SPACING_MM * (n - 1) / 2 for n in template.t1.shape])
    size = random.uniform(-0.1, 0.1) + random.uniform(-0.05, 0.05, size=3)
    affine.Scale(np.exp(size).tolist())
    for first, second in ((0, 1), (0, 2), (1, 2)):
        affine.Rotate(first, second, float(np.deg2rad(random.uniform(-8, 8))))
    affine.SetTranslation(random.uniform(-4, 4, size=3).tolist())
    return sitk.CompositeTransform([bend, affine])  # the last is applied first


def _exponential(velocity: npt.NDArray[np.float64]) -> sitk.DisplacementFieldTransform:
    """Integrate a velocity ``(X, Y, Z, 3)`` in mm over unit time by scaling and squaring."""
    field = sitk.GetImageFromArray(velocity.transpose(2, 1, 0, 3) / 2**SQUARINGS, isVector=True)
    field.SetSpacing((SPACING_MM * COARSE,) * 3)
    for _ in range(SQUARINGS):
        step = sitk.DisplacementFieldTransform(sitk.Image(field))  # takes its image's voxels away
        twice = sitk.CompositeTransform([step, step])
        field = sitk.TransformToDisplacementField(
            twice, sitk.sitkVectorFloat64, field.GetSize(), field.GetOrigin(), field.GetSpacing()
        )
    return sitk.DisplacementFieldTransform(field)


def _resample(volume: Array, transform: sitk.Transform, interpolator: int) -> Array:
    image = sitk.GetImageFromArray(volume.T)  # SimpleITK's arrays are (Z, Y, X)
    image.SetSpacing((SPACING_MM,) * 3)
    moved: Array = sitk.GetArrayFromImage(sitk.Resample(image, transform, interpolator)).T
    return moved


def _scan(t1: Array, tissues: Array, random: np.random.Generator) -> Array:
    """Return what an imperfect scanner makes of a T1 map 0..1: same anatomy, other intensities."""
    # Template medians are 0.40, 0.66 and 0.84; the shifts never change the order of the tissues.
    shifts = [random.uniform(-0.2, 0.03), random.uniform(-0.06, 0.05), random.uniform(-0.03, 0.1)]
    image = np.clip(t1 + np.tensordot(shifts, tissues, axes=1), 0, None) ** np.exp(random.uniform(-0.3, 0.3))
    knots = random.standard_normal((4, 4, 4))
    bias = ndimage.zoom(knots, np.array(image.shape) / knots.shape, order=3, mode="nearest", grid_mode=True)
    image = image * np.exp(random.uniform(0.05, 0.3) * bias / np.abs(bias).max())
    image = ndimage.gaussian_filter(image, random.uniform(0.2, 0.6))  # standard deviation in voxels
    sd = random.uniform(0.01, 0.05)  # of the noise; white matter is about 0.9
    real, imaginary = sd * random.standard_normal((2, *image.shape))
    image = np.hypot(image + real, imaginary)  # magnitude images have Rician noise
    stripped = tissues.sum(axis=0) > random.uniform(0.2, 0.5)  # skull strippers cut closer or wider
    gain = random.uniform(400, 1600)  # units of a T1 scan are arbitrary
    scan: Array = (gain * image * stripped).astype(np.float32)
    return scan
