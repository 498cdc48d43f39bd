"""Which epochs a run keeps, and what its log says of each."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from medse.errors import InputError
from medse.tasks.callbacks.recording import BEST, LAST, PREVIOUS, Checkpoints, CsvLog, Divergence


def epoch(callback: Any, number: int, dice: float | None, ends: bool = False) -> None:
    """Let an epoch pass, with a validation unless ``dice`` is None; a checkpoint holds the epoch's number."""
    metrics = {"loss": number / 8, "dice": 0.9 if dice is None else dice, "dice_a": 0.5}
    trainer: Any = SimpleNamespace(
        callback_metrics=metrics,
        current_epoch=number - 1,
        max_epochs=-1,
        should_stop=ends,
        global_step=3 * number,
        optimizers=[SimpleNamespace(param_groups=[{"lr": 0.01}])],
        save_checkpoint=lambda path: Path(path).write_text(str(number)),
    )
    callback.on_train_epoch_start(trainer, None)
    if dice is not None:
        callback.on_validation_end(trainer, None)
    callback.on_train_epoch_end(trainer, None)


def saved(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_the_first_of_the_best_epochs_is_kept_also_by_a_run_that_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medse.tasks.callbacks.recording.SECONDS", 0)
    first, resumed = Checkpoints(tmp_path, "0f", "dice"), Checkpoints(tmp_path, "0f", "dice")
    for number, dice in enumerate((0.2, 0.6, None, 0.4, 0.6, math.nan), start=1):
        epoch(first, number, dice)
    assert saved(tmp_path) == {LAST: "6", PREVIOUS: "5", BEST: "2"}
    resumed.load_state_dict(first.state_dict())
    epoch(resumed, 7, 0.5)
    assert saved(tmp_path) == {LAST: "7", PREVIOUS: "6", BEST: "2"}
    epoch(resumed, 8, 0.7)
    assert (tmp_path / BEST).read_text() == "8"
    (tmp_path / BEST).unlink()
    without = Checkpoints(tmp_path, "0f", "dice")
    without.load_state_dict(first.state_dict())
    epoch(without, 9, 0.1)
    assert (tmp_path / BEST).read_text() == "9"


def test_epochs_are_saved_by_the_minute_and_always_first_best_and_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = SimpleNamespace(monotonic=lambda: clock.now)
    monkeypatch.setattr("medse.tasks.callbacks.recording.time", clock)
    callback = Checkpoints(tmp_path, "0f", "dice")
    wrote = []
    for number, (clock.now, dice, ends) in enumerate(
        [(0, None, False), (50, None, False), (59, 0.5, False), (110, 0.4, False), (119, None, False),
         (120, None, False), (130, None, True)], start=1
    ):  # fmt: skip
        epoch(callback, number, dice, ends)
        wrote.append((tmp_path / LAST).read_text() == str(number))
    assert wrote == [True, False, True, False, True, False, True]


@pytest.mark.parametrize("lost", [LAST, PREVIOUS])
def test_what_is_lost_between_best_and_last_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    """Killed before the last one has its name, the run goes on before its best epoch, which is there already."""
    callback = Checkpoints(tmp_path, "0f", "dice")
    epoch(callback, 1, 0.2)
    before, replace = callback.state_dict(), Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target.name == lost:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        epoch(callback, 2, 0.6)
    monkeypatch.undo()
    newest = PREVIOUS if lost == LAST else LAST
    assert saved(tmp_path) == {newest: "1", BEST: "2"}
    again = Checkpoints(tmp_path, "0f", "dice")
    again.load_state_dict(before)
    epoch(again, 2, 0.6)
    assert (saved(tmp_path)[LAST], saved(tmp_path)[BEST]) == ("2", "2")


def log(path: Path) -> CsvLog:
    budget: Any = SimpleNamespace(minutes=1.5)
    return CsvLog(path / "log.csv", ("dice", "dice_a", "dice_absent"), budget)


HEAD = "epoch,step,minutes,lr,loss,dice,dice_a,dice_absent\n"
ROWS = [
    "1,3,1.50,1.000e-02,0.12500,,,\n",
    "2,6,1.50,1.000e-02,0.25000,0.25000,0.50000,\n",
    "3,9,1.50,1.000e-02,0.37500,0.75000,0.50000,\n",
]


def test_the_log_has_a_row_per_epoch_and_dice_where_there_was_a_validation(tmp_path: Path) -> None:
    first, resumed = log(tmp_path), log(tmp_path)
    for number, dice in enumerate((None, 0.25, 0.75), start=1):
        epoch(first, number, dice)
    assert (tmp_path / "log.csv").read_text() == HEAD + "".join(ROWS)
    resumed.resume(2)
    epoch(resumed, 3, None)
    assert (tmp_path / "log.csv").read_text() == HEAD + "".join(ROWS[:2]) + "3,9,1.50,1.000e-02,0.37500,,,\n"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "columns are none"),
        ((HEAD + "".join(ROWS)).replace(",", ";"), "columns"),
        (HEAD.replace("dice_a,", "dice_b,") + "".join(ROWS), "columns"),
        ("".join(ROWS), "columns"),
        (HEAD + "".join(ROWS[:2]), "ends before epoch 3"),
        (HEAD, "ends before epoch 3"),
        ((HEAD + "".join(ROWS))[:-30], "epoch 3 should be"),
        (HEAD + ROWS[0] + ROWS[2], "epoch 2 should be"),
        (HEAD + "".join(ROWS).replace("0.25000", "a quarter"), "epoch 2 should be"),
        (HEAD + "".join(ROWS) + '"4', "cannot be read"),
        (HEAD + "".join(ROWS) + "\xff", "cannot be read"),
        (HEAD + "-1" + "".join(ROWS), "epoch 1 should be"),
    ],
)
def test_a_damaged_log_is_refused_and_left_as_it_is(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=rf"log.csv is damaged: .*{word}.*; restore it, or remove it"):
        log(tmp_path).resume(3)
    assert path.read_bytes() == text.encode("latin-1")


@pytest.mark.parametrize(
    "text",
    ["\ufeff" + HEAD + "".join(ROWS), (HEAD + "".join(ROWS)).replace("\n", "\r\n"), HEAD + ROWS[2]],
)
def test_a_log_that_a_spreadsheet_saved_or_that_began_later_is_whole(tmp_path: Path, text: str) -> None:
    (tmp_path / "log.csv").write_bytes(text.encode())
    resumed = log(tmp_path)
    resumed.resume(3)
    assert resumed.rows[-1] == ROWS[2].rstrip("\n").split(",")


@pytest.mark.parametrize(
    ("loss", "weight", "named"),
    [
        (math.nan, 1.0, "mean loss is nan"),
        (math.inf, 1.0, "mean loss is inf"),
        (0.5, math.nan, "weights weight hold"),
        (0.5, math.inf, "weights weight hold"),
    ],
)
def test_loss_and_weights_must_be_finite_and_what_is_not_is_named(
    loss: float, weight: float, named: str
) -> None:
    net: Any = nn.Linear(1, 1)
    trainer: Any = SimpleNamespace(callback_metrics={"loss": 0.5}, current_epoch=2)
    Divergence().on_train_epoch_end(trainer, net)
    trainer.callback_metrics["loss"] = loss
    nn.init.constant_(net.weight, weight)
    with pytest.raises(InputError, match=f"diverged in epoch 3: its {named}.*lr"):
        Divergence().on_train_epoch_end(trainer, net)
