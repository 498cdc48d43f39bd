"""Generated cohorts as files: MSD layout, ``dataset.json`` written last."""

from collections.abc import Callable, Mapping
from pathlib import Path

import nibabel as nib
import numpy as np

from medse.arrays import FloatArray, ImageArray, LabelArray
from medse.errors import InputError
from medse.files import atomic_path, refuse_existing, write_json

Subject = tuple[ImageArray, LabelArray, FloatArray]
"""Image and label map, ``(X, Y, Z)``, and their 4x4 voxel-to-world matrix in mm."""


def write_cohort(
    root: Path,
    draw: Callable[[np.random.Generator], Subject],
    *,
    train: int,
    test: int,
    seed: int,
    further: Mapping[str, Subject],
    name: str,
    description: str,
    reference: str,
    modality: str,
    labels: Mapping[str, int],
) -> None:
    """Draw the subjects and write them: images as int16, label maps as uint8.

    Args:
        root: New or empty folder.
        draw: Makes a subject of random numbers.
        train: Number of training subjects, at least 1.
        test: Number of held-out subjects.
        seed: The same seed gives the same voxels; subject n depends on ``seed`` and n alone.
        further: Case id -> further held-out subject.
        description: What the cohort is, and that it is generated.
        reference: What it was generated from.
        labels: Value of each class name, background included.

    Raises:
        InputError: A number is too small, or ``root`` is not empty.
    """
    check_new_cohort(root, train=train, test=test)
    names = [f"subject_{number:02d}" for number in range(1, train + test + 1)]
    for number, case in enumerate(names):
        subject = draw(np.random.default_rng((seed, number)))
        _write_case(root, "Tr" if number < train else "Ts", case, subject)
    for case, subject in further.items():
        _write_case(root, "Ts", case, subject)
    held_out = [*names[train:], *further]
    content = {
        "name": name,
        "description": description,
        "reference": reference,
        "tensorImageSize": "3D",
        "modality": {"0": modality},
        "labels": {str(value): name for name, value in labels.items()},
        "numTraining": train,
        "numTest": len(held_out),
        "training": [
            {"image": f"imagesTr/{case}.nii.gz", "label": f"labelsTr/{case}.nii.gz"} for case in names[:train]
        ],
        "test": [f"imagesTs/{case}.nii.gz" for case in held_out],
    }
    write_json(root / "dataset.json", content)


def check_new_cohort(root: Path, *, train: int, test: int) -> None:
    """Raise unless a cohort of so many subjects can be written to ``root``.

    Raises:
        InputError: A number is too small, or ``root`` is not empty.
    """
    if train < 1 or test < 0:
        raise InputError(
            f"A cohort of {train} training and {test} test subjects was asked for; it needs at least 1 and 0."
        )
    refuse_existing(root, "give another folder or remove it")


def _write_case(root: Path, part: str, case: str, subject: Subject) -> None:
    image, label, affine = subject
    for folder, volume in (("images", np.rint(image).astype(np.int16)), ("labels", label)):
        nifti = nib.Nifti1Image(volume, affine)
        nifti.header.set_xyzt_units("mm")
        with atomic_path(root / f"{folder}{part}" / f"{case}.nii.gz") as temporary:
            nib.save(nifti, temporary)
