"""A small run on disk: four cases with two classes, scored."""

import nibabel as nib
import numpy as np

from medse.evaluate.evaluate import evaluate_folders
from medse.labels import Labels
from medse.report.report import write_report

HOSTILE = "<script>x('y')</script>$\\f$"
LABELS = Labels((HOSTILE, "rim"), (1, 4))
AFFINE = np.diag([1.0, 1.0, 3.0, 1.0])


def save(path, array, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def write_run(root):
    """Write four cases of rising quality, with images; the first misses a class."""
    rng = np.random.default_rng(0)
    for k in range(4):
        reference = np.zeros((20, 22, 10), np.uint8)
        reference[5:12, 6:14, 3:8] = 1
        reference[12:15, 6:14, 3:8] = 4
        prediction = np.roll(reference, 3 - k, axis=0)
        if k == 0:
            prediction[prediction == 4] = 0
        save(root / "references" / f"case{k}.nii.gz", reference)
        save(root / "predictions" / f"case{k}.nii.gz", prediction)
        save(root / "images" / f"case{k}.nii.gz", rng.normal(100, 20, reference.shape).astype(np.float32))
    evaluate_folders(root / "references", root / "predictions", root / "out", LABELS)
    return root


def report(run, images=True):
    path = write_report(
        run / "out", run / "references", run / "predictions", run / "images" if images else None
    )
    return path.read_text(encoding="utf-8")
