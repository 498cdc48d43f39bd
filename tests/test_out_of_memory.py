"""A scan that does not fit into memory costs that scan, and is said to."""

import errno
import json
import math
import re
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
import torch

import medse
from medse import machine
from medse.errors import InputError
from medse.inference import segmenter as segmenter_module
from medse.inference.segmenter import Segmenter
from medse.inference.window import ArraySums
from medse.labels import Labels
from medse.machine import check_memory, fitting, memory_for, out_of_memory
from medse.predict.scans import Refused, WindowsDone, Written, predict_scans
from medse.preprocess import Preprocessing
from medse.tasks.segmentation import SegmentationTask
from medse.volumes.grid import Grid
from tests.support.generated import AFFINE

LIMITED = """
import resource, sys, psutil
from medse.predict.scans import predict_scans
from medse.runs.trained import load_run
from medse.cli.app import main
load_run("run", device="cpu")
limit = psutil.Process().memory_info().vms + (500 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.argv = ["medse", "predict", "run", "scans", "--out", "pred", "--device", "cpu"]
main()
"""


def write_scan(path: Path, side: int) -> None:
    path.parent.mkdir(exist_ok=True)
    voxels = np.full((side, side, side), 7, np.uint8)
    voxels[4:8, 4:8, 4:8] = 90
    nib.save(nib.Nifti1Image(voxels, AFFINE), path)


@pytest.mark.skipif(sys.platform != "linux", reason="limits are set on Linux")
def test_the_small_scan_is_segmented_beside_the_big_one(world: Path, tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(world / "run")
    write_scan(tmp_path / "scans" / "a_big.nii", 300)
    write_scan(tmp_path / "scans" / "b_small.nii", 20)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert re.fullmatch(r"Error: scans/a_big.nii .*memory.* GB .*crop it.*\.\n", done.stderr), done.stderr
    assert sorted(path.name for path in (tmp_path / "pred").iterdir()) == [
        "b_small.nii.gz",
        "prediction.json",
    ]
    facts = json.loads((tmp_path / "pred" / "prediction.json").read_text())
    assert facts["written"] == {"b_small": "b_small.nii.gz"}
    assert list(facts["refused"]) == ["a_big"]


def of_numpy() -> object:
    return np.empty(1 << 60, np.uint8)


def of_torch() -> object:
    return torch.empty(1 << 60)


def of_gpu() -> None:
    raise torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 1 GiB.\nSee the manual"
    )


def of_fork() -> None:
    raise OSError(errno.ENOMEM, "Cannot allocate memory")


def of_cublas() -> None:
    raise RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")


@pytest.mark.parametrize("take", [of_numpy, of_torch, of_gpu, of_fork, of_cublas])
def test_every_library_that_finds_no_memory_is_understood(
    world: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[[], Any]
) -> None:
    run = medse.load_run(world / "run", device="cpu")
    monkeypatch.setattr(segmenter_module, "sliding_window", lambda *_given, **_options: take())
    with pytest.raises(InputError, match="ball_0.nii.gz takes more .*memory than there is.*; .*crop it"):
        run.segment(world / "set" / "imagesTr" / "ball_0.nii.gz")
    with pytest.raises(InputError, match="array.* takes more"):
        run.segment(np.random.default_rng(0).normal(size=(9, 9, 9)), affine=np.eye(4))


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 cannot be multiplied"), OSError(5, "bad"), KeyError(1)]
)
def test_other_errors_are_not_taken_for_it(error: Exception) -> None:
    assert not out_of_memory(error)
    with pytest.raises(type(error)), memory_for("a scan"):
        raise error


def test_what_is_needed_is_compared_with_what_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "available_memory", lambda: 2_000_000_000)
    check_memory(2_000_000_000, "a.nii", "much")
    with pytest.raises(
        InputError, match=r"^a.nii takes 8 GB more memory \(much\) and 2 GB are free; about 25% of it"
    ):
        check_memory(8_000_000_000, "a.nii", "much")
    assert [fitting(each, 4) for each in (1, 900_000_000, 2_000_000_000, 9_000_000_000, 0)] == [4, 2, 1, 1, 4]


def test_events_say_what_became_of_each_scan(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_scan(tmp_path / "scans" / "a.nii", 40)
    write_scan(tmp_path / "scans" / "b.nii", 20)
    scores = 3 * 40**3 * 4
    monkeypatch.setattr(machine, "available_memory", lambda: scores)
    events: list[WindowsDone | Written | Refused] = []
    with pytest.raises(
        InputError, match=r"^\S*a.nii takes [^\n]*the scores of 3 classes on 40 x 40 x 40 voxels"
    ):
        predict_scans(
            world / "run", tmp_path / "scans", tmp_path / "pred", device="cpu", progress=events.append
        )
    seen: list[tuple[int, int]] = []
    run = medse.load_run(world / "run", device="cpu")
    run.segment(tmp_path / "scans" / "b.nii", progress=lambda done, number: seen.append((done, number)))
    assert seen == [(n, 8) for n in range(1, 9)]
    refused, *windows, written = events
    assert isinstance(refused, Refused)
    assert refused.case == "a"
    assert windows == [WindowsDone("b", n, 8) for n in range(1, 9)]
    assert written == Written("b", tmp_path / "pred" / "b.nii.gz")


@pytest.mark.parametrize(
    ("classes", "spacing", "shape"), [(40, 1.0, (50, 60, 40)), (3, 2.5, (80, 90, 70)), (3, 0.7, (50, 60, 40))]
)
def test_no_more_is_asked_for_than_is_taken(
    classes: int, spacing: float, shape: tuple[int, int, int]
) -> None:
    """What is said to be needed beside the prepared image is what is taken, and hardly less."""
    names = tuple(f"class {value}" for value in range(1, classes))
    labels = Labels(names, tuple(range(1, classes)))

    def infer(windows: np.ndarray) -> np.ndarray:
        return np.repeat(windows, classes, axis=1)

    way = Preprocessing((spacing,) * 3, None)
    found = Segmenter(way, labels, 1, (16, 16, 16), infer)
    image = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    grid = Grid("scan", shape, np.eye(4))
    prepared = way.image(image, grid)
    tracemalloc.start()
    scores = found.scores(prepared.image, "scan")
    labels.decode(way.restore(scores, prepared))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    needed = found.needed(scores.shape, math.prod(shape))
    assert needed <= peak * 1.001
    assert peak < 1.35 * needed + 16 * classes * 16**3 * 4  # and the blocks in which scores are resampled


def test_scores_that_are_no_numbers_make_no_label_map(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = medse.load_run(world / "run", device="cpu")

    def spoilt(image: np.ndarray, size: object, sums: ArraySums, **options: object) -> np.ndarray:
        scores = np.zeros((3, *image.shape[1:]), np.float32)
        scores[1, 0, 0, 0] = np.nan
        return scores

    monkeypatch.setattr(segmenter_module, "sliding_window", spoilt)
    with pytest.raises(
        InputError, match="ball_0.nii.gz gets scores from the network that are infinite or no numbers"
    ):
        run.segment(world / "set" / "imagesTr" / "ball_0.nii.gz")


@pytest.mark.parametrize("take", [of_torch, of_gpu])
def test_a_training_says_what_to_make_smaller(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[[], Any]
) -> None:
    monkeypatch.setattr(SegmentationTask, "training_step", lambda *_given: take())
    with pytest.raises(InputError, match=r"^The training of \S*new takes more .*memory.*trainer.batch_size"):
        medse.train_run(world / "tiny.yaml", tmp_path / "new")


def test_a_case_that_a_training_cannot_hold_is_named(
    world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Preprocessing, "image", lambda *_given: of_numpy())
    with pytest.raises(InputError, match=r"ball_\d.nii.gz takes more memory than there is"):
        medse.train_run(world / "tiny.yaml", tmp_path / "new")
    assert not (tmp_path / "new").exists()
