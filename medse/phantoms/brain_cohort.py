"""A small cohort of brains generated from one template, so that everything can be tried without a download.

Grey matter, white matter and T1 are the ICBM152 2009 maps that nilearn ships; what the brain mask leaves is
CSF. Labels are the tissue maps bent by the same deformation as the image, so they are exact.
"""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from nilearn import datasets
from scipy import ndimage

from medse.arrays import FloatArray, ImageArray, LabelArray, bounding_box
from medse.phantoms.cohort_files import Subject, write_cohort
from medse.phantoms.deformation import draw_velocity, integrate, sample, smooth, turned, upright

SPACING_MM = 2.0
COARSE = 2
"""Voxels per voxel of the velocity field: it is smooth, so half the resolution loses nothing."""
LOG_SIZE, LOG_SHAPE = (-0.12, 0.04), 0.05
"""Logarithm of head size, for all axes and for each; MNI space is larger than most heads."""
TURN_DEGREES, SHIFT_MM = 8.0, 4.0
"""Largest rotation about each axis and shift along it."""
BENDS = ((40.0, 3.0), (18.0, 2.0), (9.0, 1.2))
"""Smoothness and standard deviation, both in mm, of the velocity: whole brain, lobes, gyri."""
PULL_MM = 1.5
"""Largest velocity towards or away from CSF (wide or narrow ventricles and sulci), and from white matter."""
PULL_SMOOTH_MM = 4.0
"""Standard deviation of the Gaussian that tissue borders are smoothed with before they pull."""
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

    t1: ImageArray
    tissues: ImageArray
    affine: FloatArray


def generate_subject(template: Template, random: np.random.Generator) -> tuple[ImageArray, LabelArray]:
    """Return image and label map of a new subject on the template's grid."""
    where = draw_deformation(template, random)
    t1 = np.clip(ndimage.map_coordinates(template.t1, where, order=3), 0, 1)
    tissues = sample(template.tissues, where)
    return _scan(t1, tissues, random), label_map(tissues)


def label_map(tissues: ImageArray) -> LabelArray:
    """Return the tissue with the largest share, 1 to 3, where brain is more than half, else 0."""
    shares = tissues.copy()
    best = shares.argmax(axis=0)
    brain = shares.sum(axis=0) > 0.5
    for tissue, share in enumerate(shares):
        pieces, count = ndimage.label(brain & (best == tissue), structure=np.ones((3, 3, 3)))
        small = np.bincount(pieces.ravel(), minlength=count + 1) < SMALLEST
        share[small[pieces] & (pieces > 0)] = -1
    label: LabelArray = np.where(brain, shares.argmax(axis=0) + 1, 0).astype(np.uint8)
    return label


def draw_deformation(template: Template, random: np.random.Generator) -> ImageArray:
    """Draw where in the template each voxel of a subject comes from, ``(3, X, Y, Z)`` in voxels.

    A smooth velocity field is integrated, which gives a displacement that folds nothing; an affine map
    (head size, shape and position) comes before it.
    """
    csf, _, white = template.tissues[:, ::COARSE, ::COARSE, ::COARSE]
    coarse_mm = SPACING_MM * COARSE
    velocity = draw_velocity(random, csf.shape, BENDS, coarse_mm)
    for tissue in (csf, white):
        pull = np.array(np.gradient(smooth(tissue, PULL_SMOOTH_MM / coarse_mm)))
        velocity += random.uniform(-PULL_MM, PULL_MM) * pull / np.linalg.norm(pull, axis=0).max()
    displacement = integrate(velocity / coarse_mm) * COARSE

    matrix = np.diag(np.exp(random.uniform(*LOG_SIZE) + random.uniform(-LOG_SHAPE, LOG_SHAPE, size=3)))
    matrix = turned(matrix, random, TURN_DEGREES)
    shift = random.uniform(-SHIFT_MM, SHIFT_MM, size=3) / SPACING_MM
    centre = (np.array(template.t1.shape) - 1) / 2
    offset = np.indices(template.t1.shape) - upright(centre + shift)
    where = np.tensordot(np.linalg.inv(matrix), offset, axes=1) + upright(centre)
    bent: ImageArray = (where + sample(displacement, where / COARSE)).astype(np.float32)
    return bent


def _scan(t1: ImageArray, tissues: ImageArray, random: np.random.Generator) -> ImageArray:
    """Return what an imperfect scanner makes of a T1 map 0..1: same anatomy, other intensities."""
    # Template medians are 0.40, 0.66 and 0.84; the shifts never change the order of the tissues.
    shifts = [random.uniform(-0.2, 0.03), random.uniform(-0.06, 0.05), random.uniform(-0.03, 0.1)]
    image = np.clip(t1 + np.tensordot(shifts, tissues, axes=1), 0, None) ** np.exp(random.uniform(-0.3, 0.3))
    waves = [np.cos(np.pi * np.outer(np.arange(n) + 0.5, np.arange(4)) / n) for n in image.shape]
    bias = np.einsum("ijk,xi,yj,zk->xyz", random.standard_normal((4, 4, 4)), *waves, optimize=True)
    image = image * np.exp(random.uniform(0.05, 0.3) * bias / np.abs(bias[tissues.sum(axis=0) > 0.5]).max())
    image = ndimage.gaussian_filter(image, random.uniform(0.2, 0.6))  # standard deviation in voxels
    sd = random.uniform(0.01, 0.05)  # of the noise; white matter is about 0.9
    real, imaginary = sd * random.standard_normal((2, *image.shape))
    image = np.hypot(image + real, imaginary)  # magnitude images have Rician noise
    stripped = tissues.sum(axis=0) > random.uniform(0.35, 0.5)  # skull strippers cut closer or wider
    gain = random.uniform(400, 1600)  # units of a T1 scan are arbitrary
    scan: ImageArray = (gain * image * stripped).astype(np.float32)
    return scan


CLASSES = ("background", "CSF", "grey matter", "white matter")
ROOM = 12
"""Voxels around the template's brain, for subjects that are larger, turned or shifted."""
TEMPLATE_CASE = "template"
"""Id of the case that is the untouched template."""
MARGIN = 4
"""Voxels of background kept around each brain in its file."""
DESCRIPTION = (
    "GENERATED data, no real patients: every subject is the ICBM152 2009 template, artificially deformed and "
    "given artificial contrast, bias field and noise. It serves to try software and says nothing of brains."
)


def write_brain_cohort(root: Path, *, train: int, test: int, seed: int) -> None:
    """Write a generated data set in MSD layout: T1 at 2 mm, brain only, labels CSF, grey and white matter.

    Arguments and refusals are those of :func:`~medse.phantoms.cohort_files.write_cohort`; ``imagesTs`` and
    ``labelsTs`` hold the ``test`` held-out subjects and the untouched template (case :data:`TEMPLATE_CASE`).
    """
    template = load_template()
    untouched = _cut(1000 * template.t1, label_map(template.tissues), template)
    write_cohort(
        root,
        lambda random: _cut(*generate_subject(template, random), template),
        train=train,
        test=test,
        seed=seed,
        further={TEMPLATE_CASE: untouched},
        name="Generated brains",
        description=DESCRIPTION,
        reference="ICBM152 2009 nonlinear symmetric template, as shipped by nilearn",
        modality="MRI T1",
        labels={name: value for value, name in enumerate(CLASSES)},
    )


def load_template() -> Template:
    """Read the maps that nilearn ships, cut to the brain with room around it."""
    loaders = (
        datasets.load_mni152_template,
        datasets.load_mni152_gm_template,
        datasets.load_mni152_wm_template,
        datasets.load_mni152_brain_mask,
    )
    images = [nib.as_closest_canonical(load(resolution=int(SPACING_MM))) for load in loaders]
    maps = [np.pad(np.clip(image.get_fdata(dtype=np.float32), 0, 1), ROOM) for image in images]
    brain = maps[3] > 0.5
    bounds = bounding_box(brain)
    box = tuple(slice(part.start - ROOM, part.stop + ROOM) for part in bounds)
    t1, grey, white = (np.where(brain, volume, 0)[box] for volume in maps[:3])
    csf = np.clip(brain[box] - grey - white, 0, 1)
    affine = _shifted(images[0].affine, [part.start - 2 * ROOM for part in bounds])
    return Template(t1, np.stack([csf, grey, white]), affine)


def _cut(image: ImageArray, label: LabelArray, template: Template) -> Subject:
    """Cut image and label map to the brain and a margin."""
    bounds = bounding_box(image != 0)
    start = [max(0, axis.start - MARGIN) for axis in bounds]
    box = tuple(slice(low, axis.stop + MARGIN) for low, axis in zip(start, bounds, strict=True))
    return image[box], label[box], _shifted(template.affine, start)


def _shifted(affine: np.ndarray, voxels: list[int]) -> np.ndarray:
    """The affine of a crop that starts ``voxels`` after the volume's first voxel."""
    moved = affine.astype(np.float64)
    moved[:3, 3] = (affine @ [*voxels, 1])[:3]
    return moved
