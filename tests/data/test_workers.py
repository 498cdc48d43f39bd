"""Processes that prepare patches: the same batches as without, and the same sentences."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import psutil
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader, Dataset, SequentialSampler

from medse.config.run import load_config
from medse.data.workers import Batches
from medse.errors import InputError
from medse.tasks.callbacks.progress import StepDone
from medse.train import train_run


@pytest.fixture
def uncached(tiny_config: Path) -> list[str]:
    """What has the processes read the cases."""
    return ["data.cache_gb=1e-6", "trainer.max_epochs=1"]


def test_weights_are_the_same_with_and_without(
    tiny_config: Path, tmp_path: Path, uncached: list[str]
) -> None:
    found = []
    for workers in (0, 2):
        run = tmp_path / str(workers)
        train_run(load_config(tiny_config, [*uncached, f"data.workers={workers}"]), run)
        found.append(load_file(run / "model.safetensors"))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_a_file_that_cannot_be_used_is_named_as_without(
    tiny_config: Path, tmp_path: Path, uncached: list[str]
) -> None:
    for path in (tmp_path / "balls" / "imagesTr").iterdir():
        image = nib.load(path)
        voxels = np.asarray(image.dataobj).copy()
        voxels[0, 0, 0] = np.nan
        nib.save(nib.Nifti1Image(voxels, image.affine), path)
    with pytest.raises(InputError, match=r"^\S+ball_\d.nii.gz holds 1 NaN") as refused:
        train_run(load_config(tiny_config, [*uncached, "data.workers=2"]), tmp_path / "run")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals cannot be held back on this system")
def test_an_interrupt_waits_until_the_processes_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []

    def start(_self: object) -> Any:
        os.kill(os.getpid(), signal.SIGINT)  # in a callback of fork, Python would drop what this raises
        time.sleep(0.1)
        started.append(True)
        return iter(())

    monkeypatch.setattr(DataLoader, "__iter__", start)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever another test has left
    end = threading.Event()
    threading.Thread(target=end.wait, daemon=True).start()  # to which the system may give the signal
    try:
        with pytest.raises(KeyboardInterrupt):
            list(Batches(Patches(), SequentialSampler(range(2)), 1, 0, pinned=False))
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
        end.set()
    assert started


@pytest.mark.skipif(os.name != "posix", reason="no signal kills on this system")
def test_a_process_that_is_killed(tiny_config: Path, tmp_path: Path, uncached: list[str]) -> None:
    def kill(event: object) -> None:
        if isinstance(event, StepDone):
            for child in psutil.Process().children():
                child.send_signal(signal.SIGKILL)

    with pytest.raises(
        InputError, match=r"(: Killed|exited unexpectedly|Connection|EOF).*--resume and data.workers=0.$"
    ) as refused:
        train_run(
            load_config(tiny_config, [*uncached, "data.workers=2", "trainer.steps_per_epoch=1000"]),
            tmp_path / "run",
            progress=kill,
        )
    assert len(str(refused.value).splitlines()) == 1


def test_processes_that_cannot_be_started(
    tiny_config: Path, tmp_path: Path, uncached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_loader: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(DataLoader, "_get_iterator", refuse)
    with pytest.raises(InputError, match=r"Too many open files.*open files.*data.workers=0.$"):
        train_run(load_config(tiny_config, [*uncached, "data.workers=2"]), tmp_path / "run")


class Patches(Dataset[dict[str, Any]]):
    """Pieces of different size, filled with their number."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        image = np.full((1, 5 + index, 7, 3), index, np.float32)
        return {
            "image": image,
            "label": image.astype(np.uint8),
            "shift": np.full(3, index / 2),
            "seed": index,
        }


def test_a_batch_goes_through_one_piece_of_shared_memory() -> None:
    """Which is one open file, however many patches there are."""
    batches = Batches(Patches(), SequentialSampler(range(4)), 2, 1, pinned=False)
    for number, batch in enumerate(batches):
        assert batch["seed"] == [2 * number, 2 * number + 1]
        for of, image, label, shift in zip(
            batch["seed"], batch["image"], batch["label"], batch["shift"], strict=True
        ):
            assert (image.shape, image.dtype, label.dtype) == ((1, 5 + of, 7, 3), torch.float32, torch.uint8)
            assert (image == of).all()
            assert (label == of).all()
            assert shift.tolist() == [of / 2] * 3
        starts = [each.data_ptr() for each in (*batch["image"], *batch["label"])]
        assert max(starts) - min(starts) < 4096  # of one mapping; others would begin pages of their own
    assert number == 1


def test_shared_memory_that_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch alone would wait forever for what such a process prepared."""

    def full(_tensor: torch.Tensor) -> None:
        raise RuntimeError(
            "unable to allocate shared memory(shm) for file </torch_1>: No space left on device"
        )

    monkeypatch.setattr(torch.Tensor, "share_memory_", full)  # the processes are forked
    batches = Batches(Patches(), SequentialSampler(range(4)), 2, 1, pinned=False)
    with pytest.raises(InputError, match=r"No space left on device\).*/dev/shm.*data.workers=0.$"):
        next(iter(batches))


@pytest.mark.parametrize("lost", [ConnectionResetError(104, "Connection reset by peer"), EOFError()])
def test_a_process_that_is_killed_while_it_sends(monkeypatch: pytest.MonkeyPatch, lost: Exception) -> None:
    def broken(_loader: object) -> Iterator[Any]:
        raise lost
        yield

    monkeypatch.setattr(DataLoader, "__iter__", broken)
    with pytest.raises(InputError, match="cannot go on .*data.workers=0"):
        list(Batches(Patches(), SequentialSampler(range(2)), 1, 1, pinned=False))
    with pytest.raises(type(lost)):
        list(Batches(Patches(), SequentialSampler(range(2)), 1, 0, pinned=False))
