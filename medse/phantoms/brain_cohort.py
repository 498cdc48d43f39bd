"""A small cohort of brains generated from one template, so that everything can be tried without a download.

Grey matter, white matter and T1 are the ICBM152 2009 maps that nilearn ships; what the brain mask leaves is
CSF. Labels are the tissue maps bent by the same deformation as the image, so they are exact.
"""

from pathlib import Path

import nibabel as nib
import numpy as np
from nilearn import datasets

from medse.arrays import ImageArray, LabelArray, bounding_box
from medse.phantoms.brain_subject import SPACING_MM, Template, generate_subject, label_map
from medse.phantoms.cohort_files import subject_names, write_case, write_dataset_json

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

    ``imagesTs`` and ``labelsTs`` hold the ``test`` held-out subjects and the untouched template (case
    :data:`TEMPLATE_CASE`). ``dataset.json`` is written last: where it is, everything is.

    Args:
        root: New or empty folder.
        train: Number of training subjects, at least 1.
        test: Number of held-out subjects, the template not counted.
        seed: The same seed gives the same voxels; subject n depends on ``seed`` and n alone.

    Raises:
        InputError: A number is too small, or ``root`` is not empty.
    """
    names = subject_names(root, train=train, test=test)
    template = load_template()
    for number, name in enumerate(names):
        image, label = generate_subject(template, np.random.default_rng((seed, number)))
        _write_case(root, "Tr" if number < train else "Ts", name, image, label, template)
    _write_case(root, "Ts", TEMPLATE_CASE, 1000 * template.t1, label_map(template.tissues), template)
    held_out = [*names[train:], TEMPLATE_CASE]
    write_dataset_json(
        root,
        name="Generated brains",
        description=DESCRIPTION,
        reference="ICBM152 2009 nonlinear symmetric template, as shipped by nilearn",
        modality="MRI T1",
        labels={name: value for value, name in enumerate(CLASSES)},
        train=names[:train],
        held_out=held_out,
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


def _write_case(
    root: Path, part: str, name: str, image: ImageArray, label: LabelArray, template: Template
) -> None:
    """Write image and label map, cut to the brain and a margin."""
    bounds = bounding_box(image != 0)
    start = [max(0, axis.start - MARGIN) for axis in bounds]
    box = tuple(slice(low, axis.stop + MARGIN) for low, axis in zip(start, bounds, strict=True))
    affine = _shifted(template.affine, start)
    write_case(root, part, name, image[box], label[box], affine)


def _shifted(affine: np.ndarray, voxels: list[int]) -> np.ndarray:
    """The affine of a crop that starts ``voxels`` after the volume's first voxel."""
    moved = affine.astype(np.float64)
    moved[:3, 3] = (affine @ [*voxels, 1])[:3]
    return moved
