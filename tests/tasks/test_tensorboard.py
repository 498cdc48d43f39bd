"""The curves say themselves that they cannot be written."""

import errno
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils import tensorboard

from medse.errors import InputError
from medse.tasks.tensorboard import tensorboard_log


def test_curves_are_written(tmp_path: Path) -> None:
    log = tensorboard_log(tmp_path)
    assert not isinstance(log, bool)
    for step, loss in enumerate((0.5, 0.25)):
        log.log_metrics({"loss": loss}, step)
    log.save()
    log.finalize("success")
    found = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(event.step, event.value) for event in found.Scalars("loss")] == [(0, 0.5), (1, 0.25)]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    log = tensorboard_log(tmp_path)
    assert not isinstance(log, bool)
    with pytest.raises(InputError, match="Cannot write the curves in .*tensorboard: File exists; .*--resume"):
        log.log_metrics({"loss": 0.5}, 0)


def test_a_file_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(log_dir: str) -> None:
        raise OSError(
            errno.ENOSPC, "No space left on device"
        )  # as TensorBoard's thread has it: without a name

    monkeypatch.setattr(tensorboard, "SummaryWriter", full)
    log = tensorboard_log(tmp_path)
    assert not isinstance(log, bool)
    with pytest.raises(InputError, match="curves in .*tensorboard: No space left"):
        log.log_hyperparams({"lr": 1.0})
