"""Which epochs a run keeps, and what its log says of each."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from medse.errors import InputError
from medse.tasks.callbacks.recording import BEST, LAST, Checkpoints, CsvLog, Divergence


def epoch(callback: Any, number: int, dice: float | None) -> None:
    """Let an epoch pass, with a validation unless ``dice`` is None; a checkpoint holds the epoch's number."""
    metrics = {"loss": number / 8, "dice": 0.9 if dice is None else dice, "dice_a": 0.5}
    trainer: Any = SimpleNamespace(
        callback_metrics=metrics,
        current_epoch=number - 1,
        global_step=3 * number,
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.01}])],
        save_checkpoint=lambda path: Path(path).write_text(str(number)),
    )
    callback.on_train_epoch_start(trainer, None)
    if dice is not None:
        callback.on_validation_end(trainer, None)
    callback.on_train_epoch_end(trainer, None)


def test_the_first_of_the_best_epochs_is_kept_also_by_a_run_that_is_resumed(tmp_path: Path) -> None:
    first, resumed = Checkpoints(tmp_path), Checkpoints(tmp_path)
    for number, dice in enumerate((0.2, 0.6, None, 0.4, 0.6, math.nan), start=1):
        epoch(first, number, dice)
    assert ((tmp_path / LAST).read_text(), (tmp_path / BEST).read_text()) == ("6", "2")
    resumed.load_state_dict(first.state_dict())
    epoch(resumed, 7, 0.5)
    assert ((tmp_path / LAST).read_text(), (tmp_path / BEST).read_text()) == ("7", "2")
    epoch(resumed, 8, 0.7)
    assert (tmp_path / BEST).read_text() == "8"


def test_the_log_has_a_row_per_epoch_and_dice_where_there_was_a_validation(tmp_path: Path) -> None:
    def log() -> CsvLog:
        budget: Any = SimpleNamespace(minutes=1.5)
        return CsvLog(tmp_path / "log.csv", ("a", "absent"), budget)

    first, resumed = log(), log()
    for number, dice in enumerate((None, 0.25, 0.75), start=1):
        epoch(first, number, dice)
    head = "epoch,step,minutes,lr,loss,dice,dice_a,dice_absent\n1,3,1.50,1.000e-02,0.12500,,,\n"
    rows = ["2,6,1.50,1.000e-02,0.25000,0.25000,0.50000,\n", "3,9,1.50,1.000e-02,0.37500,0.75000,0.50000,\n"]
    assert (tmp_path / "log.csv").read_text() == head + rows[0] + rows[1]
    resumed.on_train_start(SimpleNamespace(current_epoch=2), None)  # type: ignore[arg-type]
    epoch(resumed, 3, None)
    assert (tmp_path / "log.csv").read_text() == head + rows[0] + "3,9,1.50,1.000e-02,0.37500,,,\n"


@pytest.mark.parametrize(
    ("loss", "weight"), [(math.nan, 1.0), (math.inf, 1.0), (0.5, math.nan), (0.5, math.inf)]
)
def test_loss_and_weights_must_be_finite(loss: float, weight: float) -> None:
    net: Any = nn.Linear(1, 1)
    trainer: Any = SimpleNamespace(callback_metrics={"loss": 0.5}, current_epoch=2)
    Divergence().on_train_epoch_end(trainer, net)
    trainer.callback_metrics["loss"] = loss
    nn.init.constant_(net.weight, weight)
    with pytest.raises(InputError, match="diverged in epoch 3: .*lr"):
        Divergence().on_train_epoch_end(trainer, net)
