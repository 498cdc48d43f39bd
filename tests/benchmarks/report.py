"""Times the report of 40 cases with 60 classes and images, through the command line.

    python tests/benchmarks/report.py WHOLE_BODY_CT [--out DIR]

WHOLE_BODY_CT is a folder in MSD layout with one CT and its label map of many classes. Each case is the same scan,
deformed; each prediction is its label map, deformed again. Run it alone on an idle machine.
"""

import argparse
import platform
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import nibabel as nib
import numpy as np
from deformed import deformation

from medse.evaluate.evaluate import evaluate_folders
from medse.labels import Labels, read_dataset_labels
from medse.report.report import write_report
from medse.runs.provenance import cpu_name

CASES = 40


def make_cases(source: Path, folder: Path) -> Labels:
    """Write the cases and return the classes that occur in them."""
    (image_file,) = sorted((source / "imagesTr").glob("*.nii.gz"))
    (label_file,) = sorted((source / "labelsTr").glob("*.nii.gz"))
    image, label = nib.load(image_file), nib.load(label_file)
    voxels, labels = np.asanyarray(image.dataobj), np.asanyarray(label.dataobj).astype(np.uint8)
    for name in ("images", "references", "predictions"):
        (folder / name).mkdir()
    for case in range(CASES):
        moved = deformation(labels.shape, 1.5, seed=case)
        reference = labels[moved]
        prediction = reference[deformation(labels.shape, 0.3 + case / CASES, seed=CASES + case)]
        for name, array, like in (
            ("images", voxels[moved], image),
            ("references", reference, label),
            ("predictions", prediction, label),
        ):
            nib.save(nib.Nifti1Image(array, like.affine), folder / name / f"case_{case:02}.nii.gz")
    every = read_dataset_labels(source / "dataset.json").to_mapping()
    present = set(np.unique(labels).tolist())
    named = {name: value for name, value in every.items() if isinstance(value, int) and value in present}
    return Labels.from_mapping(named, "dataset.json")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, help="where to leave the report; nowhere unless given")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        labels = make_cases(given.source, folder)
        out = given.out or folder / "out"
        references, predictions = folder / "references", folder / "predictions"
        begun = time.perf_counter()
        evaluate_folders(references, predictions, out, labels, processes=2)
        scored = time.perf_counter()
        page = write_report(out, references, predictions, folder / "images")
        done = time.perf_counter()
        print(
            f"{datetime.now(UTC):%Y-%m-%d}, {cpu_name()}, Python {platform.python_version()}: {CASES} cases, "
            f"{len(labels.names)} classes: scores {scored - begun:.1f} s, report {done - scored:.1f} s, "
            f"{page.stat().st_size / 2**20:.1f} MiB"
        )


if __name__ == "__main__":
    main()
