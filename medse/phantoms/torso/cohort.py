"""A small cohort of generated torsos in CT, so that whole-body segmentation can be tried without a download.

Nothing but the shapes of ``torso_*.py`` goes into them: no template and no patient. Labels follow from the same
bent geometry as the image, so they are exact.
"""

from pathlib import Path

import numpy as np

from medse.phantoms.cohort_files import subject_names, write_case, write_dataset_json
from medse.phantoms.torso.classes import CLASSES
from medse.phantoms.torso.space import SPACING_MM
from medse.phantoms.torso.subject import generate_torso

DESCRIPTION = (
    "GENERATED data, no real patients: every subject is made of geometric shapes, randomly sized, placed and "
    "deformed, with artificial CT values. It serves to try software and says nothing of patients."
)


def write_torso_cohort(root: Path, *, train: int, test: int, seed: int) -> None:
    """Write a generated data set in MSD layout: CT of parts of the trunk at 4 mm, classes :data:`CLASSES`.

    ``imagesTs`` and ``labelsTs`` hold the held-out subjects. ``dataset.json`` is written last: where it is,
    everything is.

    Args:
        root: New or empty folder.
        train: Number of training subjects, at least 1.
        test: Number of held-out subjects.
        seed: The same seed gives the same voxels; subject n depends on ``seed`` and n alone.

    Raises:
        InputError: A number is too small, or ``root`` is not empty.
    """
    names = subject_names(root, train=train, test=test)
    for number, name in enumerate(names):
        image, label = generate_torso(np.random.default_rng((seed, number)))
        middle = (np.array(label.shape) - 1) / 2
        affine = np.diag([SPACING_MM, SPACING_MM, SPACING_MM, 1])
        affine[:3, 3] = -SPACING_MM * middle
        write_case(root, "Tr" if number < train else "Ts", name, image, label, affine)
    write_dataset_json(
        root,
        name="Generated torsos",
        description=DESCRIPTION,
        reference="none; the values of the classes are those of TotalSegmentator's CT task",
        modality="CT",
        labels=CLASSES,
        train=names[:train],
        held_out=names[train:],
    )
