"""Times what surrounds the network in a prediction: resampling there and back, and the sums of windows.

    python tests/benchmarks/prediction.py SCAN [--classes 63] [--factor 1.25] [--patch 64] [--rounds 3]

SCAN is a volume with one channel; ``--factor`` is by how much finer the training grid is than its own. The network
costs nothing: it returns made-up scores. Beside ours stand SciPy's interpolation of whole volumes, which gives the
same numbers, and MONAI's sliding window with the same Gaussian. Times are seconds of one thread (process time), the
least of the rounds. Run it alone on an idle machine.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import torch
from monai.inferers import sliding_window_inference
from scipy import ndimage

from medse.inference.window import ArraySums, sliding_window
from medse.preprocess.resampling import most_likely, resample_classes, resample_cubic, resample_labels
from medse.volumes.reading import read_image


def scipy_zoom(array: np.ndarray, shape: tuple[int, ...], order: int) -> np.ndarray:
    factors = [new / old for new, old in zip(shape, array.shape, strict=True)]
    return ndimage.zoom(array, factors, order=order, mode="nearest", grid_mode=True)


def seconds(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return min(times)


def monai_window(image: np.ndarray, patch: int, classes: int) -> torch.Tensor:
    places = np.stack(np.meshgrid(*[np.arange(patch) - (patch - 1) / 2] * 3, indexing="ij"))
    weight = np.exp(-(places**2).sum(0) / (2 * (patch / 8) ** 2)).astype(np.float32)
    with torch.inference_mode():
        return sliding_window_inference(
            torch.from_numpy(image)[None],
            (patch,) * 3,
            1,
            lambda windows: windows.expand(-1, classes, -1, -1, -1).contiguous(),
            overlap=0.5,
            roi_weight_map=torch.from_numpy(weight),
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scan", type=Path)
    parser.add_argument("--classes", type=int, default=63)
    parser.add_argument("--factor", type=float, default=1.25)
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    image = read_image(given.scan)[0]
    own = image.shape[1:]
    there = tuple(max(1, round(n * given.factor)) for n in own)
    random = np.random.default_rng(0)
    coarse = random.normal(size=(given.classes, *(max(2, n // 12) for n in there))).astype(np.float32) * 8
    scores = np.stack(
        [scipy_zoom(one, there, 1) for one in coarse]
    )  # smooth, as those of a trained network are
    scores += random.normal(size=scores.shape).astype(np.float32)
    label = most_likely(scipy_zoom(one, own, 1) for one in coarse)
    prepared = resample_cubic(image[0], there)[None]
    sums = (given.classes, *there)
    patch = (min(given.patch, min(there)),) * 3

    def window() -> None:
        network = ArraySums(lambda windows: np.repeat(windows, given.classes, axis=1), sums)
        sliding_window(prepared, patch, network)

    rows = {
        "image to the training grid": (
            lambda: resample_cubic(image[0], there),
            lambda: scipy_zoom(image[0], there, 3),
        ),
        "label map to the training grid": (
            lambda: resample_labels(label, there),
            lambda: most_likely(
                scipy_zoom((label == k).astype(np.float32), there, 1) for k in range(given.classes)
            ),
        ),
        "scores back to the scan's grid": (
            lambda: resample_classes(scores, own),
            lambda: most_likely(scipy_zoom(one, own, 1) for one in scores),
        ),
        "sums of windows (MONAI's)": (window, lambda: monai_window(prepared, patch[0], given.classes)),
    }
    print(
        f"{given.scan.name}: {own} voxels, {there} on the training grid, {given.classes} classes, patch {patch[0]}"
    )
    print("\n| step | medse s | peer s |\n|---|---|---|")
    for name, (ours, peer) in rows.items():
        print(
            f"| {name} | {seconds(ours, given.rounds):.3f} | {seconds(peer, given.rounds):.3f} |", flush=True
        )


if __name__ == "__main__":
    main()
