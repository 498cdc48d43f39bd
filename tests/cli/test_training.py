"""What a training shows: at its end, a line for each validation."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from medse.cli.training import validation_line
from medse.tasks.callbacks.budget import Budget
from medse.tasks.callbacks.progress import StepDone, TellProgress, Validated
from medse.tasks.optimizers import adamw, poly
from medse.tasks.segmentation import SegmentationTask
from medse.train import train_run
from tests.support.commands import medse


@pytest.mark.parametrize(
    ("dice", "end"),
    [
        ({"b": 0.9, "a": 0.1}, "0.250  b 0.900  a 0.100"),
        ({f"c{i}": i / 10 for i in range(9)}, "0.250  lowest of 9 classes: c0 0.000  c1 0.100  c2 0.200"),
    ],
)
def test_classes_in_a_line(dice: dict[str, float], end: str) -> None:
    line = validation_line(Validated(4, 1.25, 0.25, dice))
    assert line == f"epoch 4, 1.2 min: validation Dice (proxy) {end}"


def test_steps_and_validations_are_told(
    tiny_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medse.tasks.callbacks.progress.STEP_SECONDS", 0)
    events: list[StepDone | Validated] = []
    train_run(str(tiny_config), str(tmp_path / "run"), progress=events.append)
    steps = [event for event in events if isinstance(event, StepDone)]
    assert [step.epoch for step in steps] == [1, 1, 1, 2, 2, 2]
    assert [step.share_done for step in steps] == pytest.approx([k / 6 for k in range(1, 7)])
    assert all(math.isfinite(step.loss) for step in steps)
    validations = [event for event in events if isinstance(event, Validated)]
    assert [(found.epoch, *found.class_dice) for found in validations] == [
        (k, "bright", "dim") for k in (1, 2)
    ]
    for found in validations:
        assert found.dice == pytest.approx(sum(found.class_dice.values()) / 2)


def test_a_loss_is_asked_for_no_more_often_than_five_times_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 128 steps a second, 26 of which last more than 0.2 s; a loss that nobody is told stays on its device."""
    events: list[StepDone | Validated] = []
    tell = TellProgress(events.append, Budget(400, None))
    for step in range(1, 401):
        monkeypatch.setattr("time.monotonic", lambda step=step: step / 128)
        trainer: Any = SimpleNamespace(current_epoch=0, global_step=step)
        told_at = range(1, 400, 26)
        loss = 0.5 if step in told_at else None  # float(None) raises
        tell.on_train_batch_end(trainer, None, {"loss": loss}, None, step)  # type: ignore[arg-type]
    shares = [event.share_done for event in events if isinstance(event, StepDone)]
    assert shares == pytest.approx([step / 400 for step in told_at])
    assert len(shares) == len(events) == 16


def test_a_class_that_no_case_holds_is_left_out() -> None:
    events: list[StepDone | Validated] = []
    metrics = {"loss": 0.5, "dice": 0.25, "dice_absent": math.nan, "dice_a": 0.25}
    trainer: Any = SimpleNamespace(callback_metrics=metrics, current_epoch=3)
    net = torch.nn.Identity()
    task = SegmentationTask(net, net, adamw, poly, float, None, lambda image, _name: image, ("absent", "a"))
    TellProgress(events.append, Budget(1, None)).on_validation_end(trainer, task)
    (found,) = events
    assert isinstance(found, Validated)
    assert (found.epoch, found.dice, found.class_dice) == (4, 0.25, {"a": 0.25})


def test_remarks_of_the_library_are_lines_too(
    tiny_config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = "net.attention={name: fca, selection: nas, components: 4, reduction: 4}"
    assert medse("train", tiny_config, chosen, "trainer.max_epochs=1", "--run", tmp_path / "run") == 0
    first, remark, last = capsys.readouterr().out.splitlines()
    assert first.startswith("epoch 1, 0.")
    assert remark == f"frequencies chosen by 2 attention blocks: {tmp_path / 'run' / 'frequencies.json'}"
    assert last == f"Trained: {tmp_path / 'run'}"


def test_an_interrupt_before_the_training_says_so(
    tiny_config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("medse.runs.segmentation.PreparedCases", interrupted)
    assert medse("train", tiny_config, "--run", tmp_path / "run") == 130
    assert capsys.readouterr().err == "Interrupted; nothing was trained.\n"
    assert not (tmp_path / "run").exists()
