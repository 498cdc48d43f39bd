"""A small cohort of brains generated from one template, so that everything can be tried without a download.

Grey matter, white matter and T1 come from the ICBM152 2009 maps inside nilearn; what the brain mask leaves is
CSF. A subject is that template, bent by a smooth invertible deformation, with its own tissue contrast, bias
field, resolution and noise. Labels are the tissue maps bent by the same deformation, so they are exact.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from nilearn import datasets
from scipy import ndimage

from medse.errors import InputError
from medse.files import atomic_path, refuse_existing, write_text

Array = npt.NDArray[np.float32]

TISSUES = ("CSF", "grey matter", "white matter")
SPACING_MM = 2.0
MARGIN = 4
"""Voxels of background kept around each brain."""
ROOM = 12
"""Voxels around the template's brain, for subjects that are larger, turned or shifted."""
SMALLEST = 10
"""Fewest voxels of a connected piece of tissue; smaller ones go to the next best tissue."""


@dataclass(frozen=True)
class Template:
    """The ICBM152 maps on one 2 mm grid in RAS order, all from 0 to 1.

    Attributes:
        t1: Image intensity, 0 outside the brain.
        tissues: ``(3, X, Y, Z)`` shares of CSF, grey and white matter.
        affine: Voxel-to-world matrix in mm (MNI space).
    """

    t1: Array
    tissues: Array
    affine: npt.NDArray[np.float64]


def write_brain_cohort(root: Path, *, train: int, test: int, seed: int) -> None:
    """Write a generated data set in MSD layout: ``train`` labelled subjects, ``test`` more, and the template.

    Test images and the untouched template (case ``template``) lie in ``imagesTs``, their labels in
    ``labelsTs``. ``dataset.json`` is written last, so it is there only when everything is.

    Args:
        root: New or empty folder.
        train: Number of training subjects, at least 1.
        test: Number of test subjects, without the template.
        seed: The same seed gives the same voxels; subject n depends on seed and n alone.

    Raises:
        InputError: A number is too small, or ``root`` holds something already.
    """
    if train < 1 or test < 0:
        raise InputError(f"A cohort of {train} training and {test} test subjects was asked for; give at least 1 and 0.")
    refuse_existing(root, "give another folder or remove it")
    template = load_template()
    digits = max(2, len(str(train + test)))
    names = [f"subject_{number:0{digits}d}" for number in range(1, train + test + 1)]
    for number, name in enumerate(names):
        part = "Tr" if number < train else "Ts"
        _write_case(root, part, name, *generate_subject(template, np.random.default_rng((seed, number))), template)
    _write_case(root, "Ts", "template", template.t1, label_map(template.tissues), template)
    held_out = [*names[train:], "template"]
    content = {
        "name": "Generated brains",
        "description": (
            "GENERATED data, no real patients: every subject is the ICBM152 2009 template, artificially deformed "
            f"and given artificial contrast, bias field and noise (seed {seed}). Good for trying software, not "
            "for any statement about brains."
        ),
        "reference": "ICBM152 2009a nonlinear symmetric template, as packaged by nilearn",
        "licence": "as the ICBM152 template: free use with its copyright notice",
        "tensorImageSize": "3D",
        "modality": {"0": "MRI T1"},
        "labels": {str(value): name for value, name in enumerate(("background", *TISSUES))},
        "numTraining": train,
        "numTest": len(held_out),
        "training": [
            {"image": f"imagesTr/{name}.nii.gz", "label": f"labelsTr/{name}.nii.gz"} for name in names[:train]
        ],
        "test": [f"imagesTs/{name}.nii.gz" for name in held_out],
    }
    write_text(root / "dataset.json", json.dumps(content, indent=2) + "\n")


def load_template() -> Template:
    """Read nilearn's packaged maps and cut them to the brain with room around it."""
    loaders = (
        datasets.load_mni152_template,
        datasets.load_mni152_gm_template,
        datasets.load_mni152_wm_template,
        datasets.load_mni152_brain_mask,
    )
    images = [nib.as_closest_canonical(load(resolution=int(SPACING_MM))) for load in loaders]
    t1, grey, white, brain = (np.clip(image.get_fdata(dtype=np.float32), 0, 1) for image in images)
    tissues = np.stack([np.clip(brain - grey - white, 0, 1), grey * (brain > 0), white * (brain > 0)])
    bounds = ndimage.find_objects(brain > 0.5)[0]
    low = np.array([part.start for part in bounds]) - ROOM
    high = np.array([part.stop for part in bounds]) + ROOM
    pads = [(max(0, -a), max(0, b - n)) for a, b, n in zip(low, high, t1.shape, strict=True)]
    box = tuple(slice(max(0, a), b + p[0]) for a, b, p in zip(low + [p[0] for p in pads], high, pads, strict=True))
    affine = images[0].affine.copy()
    affine[:3, 3] = (affine @ [*low, 1])[:3]
    return Template(
        np.pad(t1 * (brain > 0.5), pads)[box],
        np.pad(tissues, [(0, 0), *pads])[(slice(None), *box)],
        affine,
    )
