"""Times scoring of a whole-body label map beside nnU-Net's evaluator, DeepMind's surface-distance and MONAI.

    python tests/benchmarks/evaluate.py WHOLE_BODY_CT [--rounds 3]

WHOLE_BODY_CT is a folder with a ``labelsTr`` that holds one label map of many classes at 3 mm. It is enlarged three
times, and the prediction is the same map, smoothly deformed. Each task runs in a process of its own, files read
included and imports not, all on the same cores; medse runs before and after each peer. Run it alone on an idle
machine. Needs the extra ``conformance``; a peer that is not installed is left out.
"""

import argparse
import json
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import nibabel as nib
import numpy as np
from deformed import deformation

TOLERANCE_MM = 2.0
FACTOR = 3
SHIFT_VOXELS = 2.0
Numbers = dict[str, dict[str, float | None]]


def make_pair(source: Path, folder: Path) -> None:
    """Write the enlarged label map and its deformed copy."""
    (path,) = sorted((source / "labelsTr").glob("*.nii.gz"))
    image = nib.load(path)
    labels = np.asanyarray(image.dataobj).astype(np.uint8)
    for axis in range(3):
        labels = labels.repeat(FACTOR, axis)
    affine = image.affine @ np.diag([1 / FACTOR] * 3 + [1])
    deformed = labels[deformation(labels.shape, SHIFT_VOXELS, seed=0)]
    for name, array in (("reference", labels), ("prediction", deformed)):
        nib.save(nib.Nifti1Image(array, affine, dtype=np.uint8), folder / f"{name}.nii.gz")


def medse(folder: Path, *, distances: bool, convention: str) -> Numbers:
    from medse.config.sections import Evaluation
    from medse.evaluate.evaluate import evaluate_folders
    from medse.labels import Labels

    labels = Labels.from_mapping({str(value): value for value in _values(folder)}, "values.json")
    options = {"distances": distances, "convention": convention}
    options |= {"tolerance_mm": TOLERANCE_MM} if distances else {}
    with tempfile.TemporaryDirectory() as out:
        scores = evaluate_folders(*_files(folder), Path(out), labels, options=Evaluation(**options))
    names = ("dice", "hd95_mm", "assd_mm", "nsd") if distances else ("dice", "iou")
    return {row.label: {name: getattr(row, name) for name in names} for row in scores.rows}


def nnunet(folder: Path) -> Numbers:
    from nnunetv2.evaluation.evaluate_predictions import compute_metrics
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    found = compute_metrics(*map(str, _files(folder)), SimpleITKIO(), _values(folder))["metrics"]
    return {str(value): {"dice": of["Dice"], "iou": of["IoU"]} for value, of in found.items()}


def deepmind(folder: Path) -> Numbers:
    import surface_distance

    (reference, prediction), spacing = _arrays(folder)
    found = {}
    for value in _values(folder):
        first, second = reference == value, prediction == value
        between = surface_distance.compute_surface_distances(first, second, spacing)
        means = surface_distance.compute_average_surface_distance(between)
        areas = between["surfel_areas_gt"].sum(), between["surfel_areas_pred"].sum()
        found[str(value)] = {
            "dice": surface_distance.compute_dice_coefficient(first, second),
            "hd95_mm": surface_distance.compute_robust_hausdorff(between, 95),
            "assd_mm": float(np.average(means, weights=areas)),
            "nsd": surface_distance.compute_surface_dice_at_tolerance(between, TOLERANCE_MM),
        }
    return found


def monai(folder: Path) -> Numbers:
    import torch
    from monai.metrics import (
        compute_average_surface_distance,
        compute_dice,
        compute_hausdorff_distance,
        compute_surface_dice,
    )

    (reference, prediction), spacing = _arrays(folder)
    found = {}
    for value in _values(folder):
        # One class at a time: all at once as one-hot maps would need tens of GB.
        second, first = (torch.from_numpy(labels == value)[None, None] for labels in (prediction, reference))
        whole = {"include_background": True, "spacing": spacing}
        found[str(value)] = {
            "dice": compute_dice(second, first).item(),
            "hd95_mm": compute_hausdorff_distance(second, first, percentile=95, **whole).item(),
            "assd_mm": compute_average_surface_distance(second, first, symmetric=True, **whole).item(),
            "nsd": compute_surface_dice(second, first, [TOLERANCE_MM], **whole).item(),
        }
    return found


TASKS: dict[str, tuple[str | None, Callable[[Path], Numbers]]] = {
    "medse overlap": (None, lambda folder: medse(folder, distances=False, convention="medse")),
    "nnU-Net overlap": ("nnunetv2", nnunet),
    "medse surfaces": (None, lambda folder: medse(folder, distances=True, convention="medse")),
    "DeepMind loop": ("surface_distance", deepmind),
    "medse surfaces by monai": (None, lambda folder: medse(folder, distances=True, convention="monai")),
    "MONAI loop": ("monai", monai),
}
"""Name -> the package that it needs, and what is timed."""
PAIRS = (
    ("medse overlap", "nnU-Net overlap"),
    ("medse surfaces", "DeepMind loop"),
    ("medse surfaces by monai", "MONAI loop"),
)


def _files(folder: Path) -> tuple[Path, Path]:
    return folder / "reference.nii.gz", folder / "prediction.nii.gz"


def _arrays(folder: Path) -> tuple[list[np.ndarray], tuple[float, ...]]:
    images = [nib.load(path) for path in _files(folder)]
    return [np.asanyarray(image.dataobj) for image in images], tuple(map(float, images[0].header.get_zooms()))


def _values(folder: Path) -> list[int]:
    return json.loads((folder / "values.json").read_text(encoding="utf-8"))


def work(name: str, folder: Path) -> None:
    """Run one task and print its seconds, its peak of memory and its numbers."""
    TASKS[name][1](folder / "small")  # for what is imported and made once
    before = time.perf_counter()
    numbers = TASKS[name][1](folder)
    seconds = time.perf_counter() - before
    # Not ru_maxrss, which begins at the size of the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak_mb = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "numbers": numbers}))


def run(name: str, folder: Path) -> dict[str, float | Numbers]:
    command = [sys.executable, __file__, str(folder), "--worker", name]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def largest_difference(ours: Numbers, theirs: Numbers) -> float:
    """Return the largest relative difference over all classes and scores; both hold the same ones."""
    worst = 0.0
    for label, scores in theirs.items():
        for name, value in scores.items():
            worst = max(worst, abs(ours[label][name] - value) / max(abs(value), 1e-12))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--rounds", type=int, default=3, help="runs of medse; of a peer about a third of them"
    )
    parser.add_argument("--worker", choices=TASKS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        work(given.worker, given.folder)
        return
    from medse.runs.provenance import cpu_name

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_pair(given.folder, folder)
        first = nib.load(folder / "reference.nii.gz")
        volume = np.asanyarray(first.dataobj)
        values = np.unique(volume[volume > 0]).tolist()
        (folder / "small").mkdir()
        for path in _files(folder):
            image = nib.load(path)
            coarse = np.asanyarray(image.dataobj)[::12, ::12, ::12]
            only = np.where(coarse == values[0], coarse, 0)  # one class, so that none is empty
            only[:2, :2, :2] = values[0]
            nib.save(nib.Nifti1Image(only, image.affine), folder / "small" / path.name)
        for where, held in ((folder, values), (folder / "small", values[:1])):
            (where / "values.json").write_text(json.dumps(held), encoding="utf-8")
        megabytes = volume.nbytes / 2**20
        print(
            f"{datetime.now(UTC):%Y-%m-%d}, {cpu_name()}, Python {platform.python_version()}: "
            f"{' x '.join(map(str, volume.shape))} voxels, {len(values)} classes, one label map {megabytes:.0f} MiB\n"
        )
        print(
            "| scores | medse s | peer s | ratio | largest relative difference | medse peak MiB | peer peak MiB |"
        )
        print("|---|---|---|---|---|---|---|")
        for ours, theirs in PAIRS:
            if find_spec(str(TASKS[theirs][0])) is None:
                print(f"| {theirs} | not installed | | | | | |")
                continue
            mine = [run(ours, folder) for _ in range(given.rounds)]
            peers = [run(theirs, folder) for _ in range(max(1, given.rounds // 3))]
            mine += [run(ours, folder) for _ in range(given.rounds)]
            seconds, other = median(r["seconds"] for r in mine), median(r["seconds"] for r in peers)
            difference = largest_difference(mine[0]["numbers"], peers[0]["numbers"])
            peak, peer_peak = (max(r["peak_mb"] for r in runs) for runs in (mine, peers))
            print(
                f"| {ours} / {theirs} | {seconds:.2f} | {other:.2f} | {other / seconds:.1f} | {difference:.1e} | "
                f"{peak:.0f} | {peer_peak:.0f} |",
                flush=True,
            )
        print(f"\nAllowed peak: 4 label maps and 300 MiB = {4 * megabytes + 300:.0f} MiB.")


if __name__ == "__main__":
    main()
