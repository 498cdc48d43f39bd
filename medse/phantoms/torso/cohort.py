"""A small cohort of generated torsos in CT, so that whole-body segmentation can be tried without a download.

Each is made of standard shapes in a bent space, painted in order and seen by an imperfect CT scanner: no template and
no patient goes into them. Labels follow from the same bent geometry as the image, so they are exact.
"""

from pathlib import Path

import numpy as np
from scipy import ndimage

from medse.arrays import ImageArray, LabelArray
from medse.phantoms.cohort_files import Subject, write_cohort
from medse.phantoms.torso.abdomen import paint_bladder, paint_bowel, paint_kidneys, paint_liver, paint_spleen
from medse.phantoms.torso.chest import paint_heart_and_vessels, paint_lungs
from medse.phantoms.torso.frame import Frame
from medse.phantoms.torso.shapes import EVERYWHERE, Canvas, Shape
from medse.phantoms.torso.skeleton import paint_back, paint_chest_wall, paint_pelvis, paint_spine
from medse.phantoms.torso.space import SPACING_MM, draw_space
from medse.phantoms.torso.tissues import BODY, CLASSES, Tissues, draw_tissues

DESCRIPTION = (
    "GENERATED data, no real patients: every subject is made of geometric shapes, randomly sized, placed and "
    "deformed, with artificial CT values. It serves to try software and says nothing of patients."
)


def write_torso_cohort(root: Path, *, train: int, test: int, seed: int) -> None:
    """Write a generated data set in MSD layout: CT of parts of the trunk at 4 mm, classes :data:`CLASSES`.

    Arguments and refusals are those of :func:`~medse.phantoms.cohort_files.write_cohort`; ``imagesTs`` and
    ``labelsTs`` hold the ``test`` held-out subjects.
    """

    def draw(random: np.random.Generator) -> Subject:
        image, label = generate_torso(random)
        affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1])
        affine[:3, 3] = -SPACING_MM * (np.array(label.shape) - 1) / 2
        return image, label, affine

    write_cohort(
        root,
        draw,
        train=train,
        test=test,
        seed=seed,
        further={},
        name="Generated torsos",
        description=DESCRIPTION,
        reference="none; the values of the classes are those of TotalSegmentator's CT task",
        modality="CT",
        labels=CLASSES,
    )


FAT_MM = (6.0, 36.0)
"""Thinnest and thickest fat under the skin."""
SMALLEST = 20
"""Fewest voxels of a connected piece of an organ."""
HU_RANGE = (-1024.0, 3071.0)
"""What 12 bits of a CT hold."""


def generate_torso(random: np.random.Generator) -> tuple[ImageArray, LabelArray]:
    """Return image in HU and label map of a new subject, ``(X, Y, Z)`` in RAS order at :data:`SPACING_MM`."""
    canvas = Canvas(draw_space(random), SPACING_MM)
    frame = Frame(fat_mm=random.uniform(*FAT_MM), dome_mm=random.normal(0, 8))
    tissues = draw_tissues(random)
    _paint_trunk(canvas, frame, tissues)
    paint_bowel(canvas, frame, tissues, random)
    paint_lungs(canvas, frame, tissues, random)
    paint_back(canvas, tissues)
    paint_liver(canvas, frame, tissues, random)
    paint_spleen(canvas, frame, tissues, random)
    paint_kidneys(canvas, tissues, random)
    paint_heart_and_vessels(canvas, frame, tissues, random)
    paint_bladder(canvas, frame, tissues, random)
    paint_chest_wall(canvas, frame, tissues)
    paint_pelvis(canvas, frame, tissues)
    paint_spine(canvas, tissues)
    hu, label = canvas.volume(canvas.hu), _without_specks(canvas.volume(canvas.label))
    if random.random() < 0.6:
        _add_bed(hu, label, random)
    return _scan(hu, label, random), label


def _paint_trunk(canvas: Canvas, frame: Frame, tissues: Tissues) -> None:
    """Paint skin, fat, muscle and the cavity's fat, and the diaphragm."""
    canvas.paint(frame.skin(), 0, BODY)
    canvas.paint(frame.skin().grown(-3), tissues.fat)
    canvas.paint(frame.wall(), tissues.muscle)
    layers = Shape(lambda p: np.abs(frame.cavity().distance(p) - 17) - 1.5, EVERYWHERE)
    canvas.paint(layers, tissues.fat + 20)
    canvas.paint(frame.cavity(), tissues.fat)
    below = frame.below_diaphragm()
    sheet = Shape(lambda p: np.abs(below.distance(p)) - 2, np.array([[-160, -80, -20], [160, 150, 140]]))
    canvas.paint(sheet.within(frame.cavity()), tissues.muscle)


def _without_specks(label: LabelArray) -> LabelArray:
    """Give to the body what thin edges leave beside an organ: all but its largest piece and those cut off by an end.

    Of these, too, pieces of fewer than :data:`SMALLEST` voxels go.
    """
    for value, box in enumerate(ndimage.find_objects(label), start=1):
        if box is None or value == BODY:
            continue
        pieces, _ = ndimage.label(label[box] == value, structure=np.ones((3, 3, 3)))
        sizes = np.bincount(pieces.ravel())
        kept = np.arange(len(sizes)) == 1 + sizes[1:].argmax()
        if box[2].start == 0:
            kept[pieces[:, :, 0]] = True
        if box[2].stop == label.shape[2]:
            kept[pieces[:, :, -1]] = True
        kept &= sizes >= SMALLEST
        label[box][(pieces > 0) & ~kept[pieces]] = BODY
    return label


def _add_bed(hu: ImageArray, label: LabelArray, random: np.random.Generator) -> None:
    """Put a curved table under the patient, where there is only air."""
    lowest = int(np.flatnonzero((label > 0).any(axis=(0, 2)))[0])
    across = np.arange(hu.shape[0]) - hu.shape[0] / 2
    height = lowest - 1.5 + across**2 / random.uniform(350, 700)
    far = np.abs(np.arange(hu.shape[1]) - height[:, None])
    bed = np.clip(1.2 - far, 0, 1)[:, :, None] * (np.abs(across) < 50)[:, None, None]
    top = random.uniform(-700, -100)
    hu += np.where(label == 0, bed * np.maximum(top - hu, 0), 0).astype(np.float32)


def _scan(hu: ImageArray, label: LabelArray, random: np.random.Generator) -> ImageArray:
    """Return what a scanner makes of ``hu``: texture of tissue, blur and correlated noise."""
    texture = ndimage.gaussian_filter(random.standard_normal(hu.shape, dtype=np.float32), 1.2)
    image = hu + np.where(label > 0, random.uniform(3, 8) * texture / texture.std(), 0)
    image = ndimage.gaussian_filter(image, random.uniform(0.35, 0.55))
    noise = ndimage.gaussian_filter(random.standard_normal(hu.shape, dtype=np.float32), (0.5, 0.5, 0.3))
    image += random.uniform(6, 22) * noise / noise.std()
    scanned: ImageArray = np.clip(image, *HU_RANGE).astype(np.float32)
    return scanned
