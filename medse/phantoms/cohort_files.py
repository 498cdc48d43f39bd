"""Generated cohorts as files: MSD layout, ``dataset.json`` written last."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np

from medse.arrays import FloatArray, ImageArray, LabelArray
from medse.errors import InputError
from medse.files import atomic_path, refuse_existing, write_json


def subject_names(root: Path, *, train: int, test: int) -> list[str]:
    """Return the ids of the subjects of a cohort that is to be written to ``root``.

    Raises:
        InputError: A number is too small, or ``root`` is not empty.
    """
    if train < 1 or test < 0:
        raise InputError(
            f"A cohort of {train} training and {test} test subjects was asked for; it needs at least 1 and 0."
        )
    refuse_existing(root, "give another folder or remove it")
    return [f"subject_{number:02d}" for number in range(1, train + test + 1)]


def write_case(
    root: Path, part: str, name: str, image: ImageArray, label: LabelArray, affine: FloatArray
) -> None:
    """Write image (int16) and label map (uint8) of a case into ``images`` and ``labels`` of ``part`` (Tr or Ts)."""
    for folder, volume in (("images", np.rint(image).astype(np.int16)), ("labels", label)):
        nifti = nib.Nifti1Image(volume, affine)
        nifti.header.set_xyzt_units("mm")
        with atomic_path(root / f"{folder}{part}" / f"{name}.nii.gz") as temporary:
            nib.save(nifti, temporary)


def write_dataset_json(
    root: Path,
    *,
    name: str,
    description: str,
    reference: str,
    modality: str,
    labels: Mapping[str, int],
    train: Sequence[str],
    held_out: Sequence[str],
) -> None:
    """Write ``dataset.json``; ``labels`` are values by class name, background included, the rest case ids."""
    content = {
        "name": name,
        "description": description,
        "reference": reference,
        "tensorImageSize": "3D",
        "modality": {"0": modality},
        "labels": {str(value): name for name, value in labels.items()},
        "numTraining": len(train),
        "numTest": len(held_out),
        "training": [
            {"image": f"imagesTr/{case}.nii.gz", "label": f"labelsTr/{case}.nii.gz"} for case in train
        ],
        "test": [f"imagesTs/{case}.nii.gz" for case in held_out],
    }
    write_json(root / "dataset.json", content)
