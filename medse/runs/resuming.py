"""Whether a run can go on, from which checkpoint, and what is different from when it was started."""

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from torch import Tensor, optim

from medse.config.run import Config
from medse.data.splits import Split
from medse.errors import InputError, some
from medse.files import cannot_write
from medse.runs.directory import REMEDY, RunDir
from medse.runs.hardware import LIGHTNING
from medse.runs.identity import NO_WEIGHT, flat
from medse.runs.provenance import PACKAGES
from medse.runs.weights import DamagedError, alike, network_weights, read_checkpoint, take_weights
from medse.tasks.callbacks.recording import BEST, LAST, PREVIOUS, RESUME
from medse.tasks.task import Task
from medse.versions import installed_versions

FREE = NO_WEIGHT | {"trainer.max_epochs", "trainer.max_minutes"}
"""Values of a configuration that may be others when a run is resumed: no weight depends on them after as many steps.

So may all of ``evaluation``, which training does not read.
"""

DAMAGED = "damaged_"
"""What the names of damaged checkpoints, and of those of other runs, begin with that others were taken for."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Resumed:
    """A run that goes on.

    Attributes:
        source: The checkpoint it goes on from; None when it was interrupted within its first epoch.
        checkpoint: Its content.
        changed: Key of the configuration -> its value when the run was started, and now.
        run_id: Which run it is, as its checkpoints say.
        fault: What is wrong with ``last.ckpt``, if it goes on from the previous one.
    """

    run: RunDir
    source: Path | None
    checkpoint: dict[str, Any]
    changed: dict[str, list[Any]]
    run_id: str
    fault: str

    @property
    def epochs(self) -> int:
        """Epochs that the checkpoint has seen."""
        if self.source is None:
            return 0
        return int(self.checkpoint["loops"]["fit_loop"]["epoch_progress"]["current"]["processed"])

    def check_precision(self, asked: str, precision: str) -> None:
        """Raise unless ``precision``, by Lightning's name, is that of the run; ``asked`` is what was given."""
        before = self.run.read_precision()
        if before != precision:
            names = {lightning: name for name, lightning in LIGHTNING.items()}
            was = names.get(before, before)  # type: ignore[call-overload]
            raise InputError(
                f"{self.run.path} was trained in {was}, and trainer.precision={asked} is {names[precision]} "  # type: ignore[index]
                f"here; a run keeps one precision; give trainer.precision={was}, or another run folder (--run)."
            )

    def check_end(self, max_epochs: int | None) -> None:
        """Raise when the run has done more epochs than it is to have."""
        if max_epochs is not None and self.epochs > max_epochs:
            raise InputError(
                f"{self.run.path} has done {self.epochs} epochs and trainer.max_epochs is {max_epochs}; give "
                f"trainer.max_epochs={self.epochs} or more."
            )

    def check_checkpoint(self, task: Task, trainer: pl.Trainer) -> None:
        """Raise unless the checkpoint has everything that this training would save, in the same shapes."""
        if self.source is None:
            return
        take_weights(task.net, network_weights(self.checkpoint, "net"), self.source)
        made = task.configure_optimizers()
        callbacks = {each.state_key: each.state_dict() for each in trainer.callbacks if each.state_dict()}  # type: ignore[attr-defined]
        expected = {
            "state_dict": task.state_dict(),
            "loops": {"fit_loop": trainer.fit_loop.state_dict()},
            "callbacks": callbacks,
            "lr_schedulers": [made["lr_scheduler"]["scheduler"].state_dict()],
            "optimizer_states": [_expected(made["optimizer"], self.checkpoint)],
            "global_step": 0,
            "epoch": 0,
        }
        scaler = trainer.precision_plugin
        if state := scaler.state_dict():  # of the gradients of fp16
            expected[type(scaler).__qualname__] = state
        if where := _unlike(expected, self.checkpoint):
            raise InputError(
                f"{self.source} is no checkpoint that this run can go on from: its {where} is missing or of another "
                f"kind; {REMEDY}."
            )

    def take_over(self, device: str, groups: Mapping[str, str]) -> Path | None:
        """Mend what a killed training or a copy left, write down what changed, and return the checkpoint to load.

        ``groups`` is the group of each case.
        """
        self.run.remove_unfinished()
        self.run.restore_validation_cases(groups)
        folder = self.run.checkpoints
        last, previous, best = (folder / name for name in (LAST, PREVIOUS, BEST))
        try:
            if self.source is not None and self.source.name == PREVIOUS:
                _set_aside(last)
                previous.replace(last)
                log.warning(
                    "%s %s: going on from %s, after epoch %d", last, self.fault, PREVIOUS, self.epochs
                )
            elif not previous.is_file():
                _set_aside(previous)
            if fault := _fault(best, self.run_id):
                _set_aside(best)
                log.warning("%s %s: the best epoch from now on takes its place", best, fault)
        except OSError as error:
            raise cannot_write(folder, error.errno, RESUME) from error
        facts = {
            "resumed": datetime.now(UTC).isoformat(timespec="seconds"),
            "after_epoch": self.epochs,
            "changed": self.changed,
            "versions": installed_versions(PACKAGES),
            "device": device,
        }
        self.run.add_resumed(facts)
        return None if self.source is None else last


def resumable(run: RunDir, config: Config, fold: int) -> Resumed:
    """Return how ``run`` goes on; nothing is written.

    Raises:
        InputError: It was started with another configuration or fold, or a file of it is damaged or of another run.
    """
    changed = check_same(run, config, fold)
    run.check_dataset(run.read_config())
    run_id = run.read_identity()
    source, checkpoint, fault = _last(run, run_id)
    run.check_files()
    return Resumed(run, source, checkpoint, changed, run_id, fault)


def check_same(run: RunDir, config: Config, fold: int) -> dict[str, list[Any]]:
    """Return key of the configuration -> its value when ``run`` was started, and now, where they differ.

    Raises:
        InputError: The fold differs, or a key that a weight depends on.
    """
    old, new = flat(run.read_config()), flat(config)
    changed = {
        key: [old.get(key), new.get(key)]
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    }
    refused = [key for key in changed if key not in FREE and not key.startswith("evaluation.")]
    if refused:
        shown = some([f"{key} ({old.get(key)} then, {new.get(key)} now)" for key in refused])
        raise InputError(
            f"{run.path} was started with another configuration: {shown}; resume with the configuration in "
            f"{run.config} or give another run folder (--run)."
        )
    if fold != run.read_fold():
        raise InputError(
            f"{run.path} validates on fold {run.read_fold()}, not {fold}; give that one (--fold)."
        )
    return changed


def length_of(run: RunDir) -> tuple[object, object]:
    """Return most epochs and minutes of ``run``, None for one that is not limited, as last started or resumed."""
    values = flat(run.read_config()) | {key: now for key, (_, now) in run.read_changed().items()}
    return values.get("trainer.max_epochs"), values.get("trainer.max_minutes")


def check_data(run: RunDir, data_sha256: str, folds: tuple[Split, ...], root: Path) -> None:
    """Raise unless data, by their fingerprint, and folds are those that ``run`` was started on."""
    if run.read_fingerprint() != data_sha256:
        raise InputError(
            f"The data in {root} changed since {run.path} was started on it; restore the data, or start "
            "a new run with another run folder (--run)."
        )
    if run.read_folds() != folds:
        raise InputError(
            f"The cases would be dealt to other folds than those in {run.splits}, and cases that were "
            "trained on be validated on; restore that file, or start a new run with another run folder (--run)."
        )


def _last(run: RunDir, run_id: str) -> tuple[Path | None, dict[str, Any], str]:
    """Return the run's newest checkpoint that is whole, its content, and what is wrong with a newer one."""
    damaged: DamagedError | None = None
    for path in (run.checkpoints / LAST, run.checkpoints / PREVIOUS):
        try:
            if os.path.lexists(path):
                return path, read_checkpoint(path, run_id), damaged.what if damaged else "does not exist"
        except DamagedError as error:
            damaged = damaged or error
    if damaged:
        raise damaged
    if (
        run.log.is_file() and len(run.log.read_bytes().splitlines()) > 2
    ):  # the first epoch is saved after its row
        raise InputError(
            f"{run.checkpoints / LAST} does not exist, though {run.log} lists epochs; restore it or start a new run "
            "with another run folder (--run)."
        )
    return None, {}, ""


def _fault(path: Path, run_id: str) -> str:
    """Return what is wrong with a checkpoint; an empty text if it is whole, or there is none."""
    if os.path.lexists(path):
        try:
            read_checkpoint(path, run_id)
        except DamagedError as error:
            return error.what
    return ""


def _set_aside(path: Path) -> None:
    """Give what is there, if anything, a name of its own."""
    if not os.path.lexists(path):
        return
    aside = path.with_name(f"{DAMAGED}{path.name}")
    while os.path.lexists(aside):
        aside = aside.with_name(f"{DAMAGED}{aside.name}")
    path.rename(aside)


def _expected(optimizer: optim.Optimizer, checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that ``optimizer`` has after a step, of the parameters that ``checkpoint`` has a state of.

    The others had no gradient. The step is done on copies.
    """
    saved = checkpoint.get("optimizer_states")
    known = (
        saved[0].get("state") if isinstance(saved, list) and saved and isinstance(saved[0], dict) else None
    )
    for group in optimizer.param_groups:
        group["params"] = [parameter.detach().clone() for parameter in group["params"]]
        for parameter in group["params"]:
            parameter.grad = parameter.new_zeros(parameter.shape)
    optimizer.step()
    state = optimizer.state_dict()
    for group in state["param_groups"]:  # what is off may have come with a newer PyTorch
        for key in [key for key, value in group.items() if value is None or value is False]:
            del group[key]
    if isinstance(known, dict) and known:
        state["state"] = {index: each for index, each in state["state"].items() if index in known}
    return state


def _unlike(expected: object, found: object, name: str = "") -> str:
    """Return the name of the first part of ``found`` that is not of the kind of ``expected``, or an empty text."""
    match expected:
        case dict():
            if not isinstance(found, dict):
                return name
            for key, part in expected.items():
                where = f"{name}.{key}".lstrip(".")
                if wrong := _unlike(part, found[key], where) if key in found else where:
                    return wrong
            return ""
        case list():
            if not isinstance(found, list) or len(found) != len(expected):
                return name
            return _unlike(dict(enumerate(expected)), dict(enumerate(found)), name)
        case Tensor():
            same = alike(expected, found)
        case bool() | str():
            same = type(found) is type(expected)
        case int():  # a count, or seconds that are 0 before the first step
            same = isinstance(found, int | float) and 0 <= found < math.inf
        case float():
            same = isinstance(found, int | float)
        case _:
            same = True
    return "" if same else name
