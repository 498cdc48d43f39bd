"""Runs that go on: exactly, from damaged files, with other hardware; and those that must not."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from medse.config.run import load_config
from medse.errors import InputError
from medse.runs.directory import RunDir
from medse.runs.lock import LOCK, locked
from medse.runs.resuming import resumable
from medse.runs.trained import load_run
from medse.runs.weights import read_checkpoint, read_weights
from medse.tasks.callbacks.progress import StepDone
from medse.tasks.callbacks.recording import BEST, LAST, PREVIOUS
from medse.train import train_run
from tests.support.commands import medse
from tests.support.generated import TINY, write_data_set

DROPOUT = "net={name: fcdensenet, depth: 2, growth: 4, layers: 1, init_channels: 8, dropout: 0.3}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data set, a configuration, and ``done``: a run of three epochs, all of which were saved."""
    folder = tmp_path_factory.mktemp("place")
    write_data_set(folder / "set", 4)
    (folder / "tiny.yaml").write_text(
        TINY.format(root=folder / "set").replace("max_epochs: 2", "max_epochs: 3")
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("medse.tasks.callbacks.recording.SECONDS", 0)
        train_run(folder / "tiny.yaml", folder / "done")
    return folder


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    """A copy of the finished run."""
    return Path(shutil.copytree(place / "done", tmp_path / "run"))


def go_on(place: Path, run: Path, *overrides: str) -> None:
    train_run(load_config(place / "tiny.yaml", overrides), run, resume=True)


def interrupted(place: Path, run: Path, *overrides: str, after: int, resume: bool = False) -> None:
    """Train until the first step after so many epochs."""

    def stop(event: object) -> None:
        if isinstance(event, StepDone) and event.epoch > after:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("medse.tasks.callbacks.progress.STEP_SECONDS", 0)
        with pytest.raises(KeyboardInterrupt):
            train_run(load_config(place / "tiny.yaml", overrides), run, resume=resume, progress=stop)


def equal(one: Path, other: Path) -> bool:
    first, second = (load_file(run / "model.safetensors") for run in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def state(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def with_dropout(place: Path) -> Path:
    train_run(load_config(place / "tiny.yaml", [DROPOUT]), place / "with_dropout")
    return place / "with_dropout"


@pytest.mark.parametrize("workers", [0, 1])
def test_patches_and_dropout_go_on_as_if_nothing_had_been(
    place: Path, with_dropout: Path, tmp_path: Path, workers: int
) -> None:
    given = (DROPOUT, f"data.workers={workers}")
    interrupted(place, tmp_path / "run", *given, after=1)
    go_on(place, tmp_path / "run", *given)
    assert equal(tmp_path / "run", with_dropout)
    rows = [(run / "log.csv").read_text().splitlines() for run in (tmp_path / "run", with_dropout)]
    without_minutes = [[line.split(",")[:2] + line.split(",")[3:] for line in lines] for lines in rows]
    assert without_minutes[0] == without_minutes[1]


def test_what_no_weight_depends_on_may_change_and_is_written_down(place: Path, tmp_path: Path) -> None:
    interrupted(place, tmp_path / "run", after=1)
    (tmp_path / "run" / "checkpoints" / ".part-x-last.ckpt").write_bytes(b"left by a kill")
    (tmp_path / "run" / ".part-y-log.csv").write_bytes(b"left by a kill")
    shutil.copytree(place / "set", tmp_path / "moved")
    changed = {
        "data.root": [str(place / "set"), str(tmp_path / "moved")],
        "data.workers": [0, 1],
        "data.cache_gb": [8.0, 0.5],
        "trainer.device": ["auto", "cpu"],
        "trainer.validate_every": [1, 2],
        "evaluation.distances": [True, False],
    }
    go_on(place, tmp_path / "run", *(f"{key}={json.dumps(now)}" for key, (_, now) in changed.items()))
    assert equal(tmp_path / "run", place / "done")
    (found,) = json.loads((tmp_path / "run" / "provenance.json").read_text())["resumed"]
    assert found["changed"] == changed
    assert found["after_epoch"] == 1
    assert not list((tmp_path / "run").rglob(".part-*"))
    go_on(place, tmp_path / "run")  # complete: nothing is left to do, and the first configuration counts
    after = json.loads((tmp_path / "run" / "provenance.json").read_text())["resumed"]
    assert [each["changed"] for each in after] == [changed, {}]
    assert equal(tmp_path / "run", place / "done")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("inference.overlap=0.25", r"inference.overlap \(0.5 then, 0.25 now\)"),
        ("seed=1", "seed"),
        ("trainer.max_epochs=2", "has done 3 epochs and trainer.max_epochs is 2; give trainer.max_epochs=3"),
    ],
)
def test_what_matters_may_not_change(place: Path, run: Path, override: str, said: str) -> None:
    before = state(run)
    with pytest.raises(InputError, match=said):
        go_on(place, run, override)
    assert state(run) == before


def test_the_precision_stays_what_it_was(place: Path, run: Path) -> None:
    facts = json.loads((run / "provenance.json").read_text())
    native = {"32-true": "fp32", "bf16-mixed": "bf16"}[facts["precision"]]
    go_on(place, run, f"trainer.precision={native}")
    other, name = {"fp32": ("bf16-mixed", "bf16"), "bf16": ("32-true", "fp32")}[native]
    facts["precision"] = other
    (run / "provenance.json").write_text(json.dumps(facts))
    with pytest.raises(
        InputError, match=f"trained in {name}, and .*=auto is {native} .*trainer.precision={name}"
    ):
        go_on(place, run)
    go_on(place, run, f"trainer.precision={name}")


def test_other_folds_are_refused(place: Path, run: Path) -> None:
    splits = json.loads((run / "splits.json").read_text())
    first = splits["folds"][0]
    first["training"], first["validation"] = first["validation"], first["training"]
    (run / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(InputError, match=r"dealt to other folds than those in .*splits.json"):
        go_on(place, run)


def test_a_checkpoint_cut_anywhere_or_with_a_wrong_byte_is_found_out(place: Path, run: Path) -> None:
    last = run / "checkpoints" / LAST
    (run / "checkpoints" / PREVIOUS).unlink()
    config, whole, draw = load_config(place / "tiny.yaml"), last.read_bytes(), random.Random(0)
    for length in [0, 1, 21, 22, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(50))]:
        last.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"last.ckpt is damaged or no checkpoint; .*restore"):
            resumable(RunDir(run), config, 0)
    last.write_bytes(whole)
    run_id = RunDir(run).read_identity()
    good, found_out = read_checkpoint(last, run_id)["state_dict"], 0
    for _ in range(60):
        spoilt = bytearray(whole)
        spoilt[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        last.write_bytes(spoilt)
        try:
            same = read_checkpoint(last, run_id)["state_dict"]
        except InputError:
            found_out += 1
        else:
            assert all(torch.equal(same[name], good[name]) for name in good)  # a byte that means nothing
    assert found_out > 40


def test_final_weights_cut_anywhere_or_with_a_wrong_byte_are_found_out(run: Path) -> None:
    path = run / "model.safetensors"
    good = {name: tensor.clone() for name, tensor in load_file(path).items()}  # which are views of the file
    whole, draw, run_id = path.read_bytes(), random.Random(0), RunDir(run).read_identity()
    for length in [0, 7, 8, len(whole) - 1, *(draw.randrange(len(whole)) for _ in range(50))]:
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"model.safetensors cannot be read .*restore"):
            read_weights(path, run_id)
    for _ in range(60):
        spoilt = bytearray(whole)
        spoilt[draw.randrange(len(whole))] ^= draw.randrange(1, 256)
        path.write_bytes(spoilt)
        try:
            found = read_weights(path, run_id)
        except InputError:
            continue
        assert found.keys() == good.keys()
        assert all(torch.equal(found[name], good[name]) for name in good)


def test_the_final_weights_carry_their_hash_and_their_run(run: Path) -> None:
    with safe_open(run / "model.safetensors", framework="pt") as file:
        said = json.loads(file.metadata()["medse"])
    assert len(said["sha256"]) == 64
    assert said["run_id"] == json.loads((run / "provenance.json").read_text())["run_id"]


def test_a_damaged_last_checkpoint_costs_the_epochs_since_the_previous_one(
    place: Path, run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = run / "checkpoints"
    (folder / LAST).write_bytes(b"")
    (folder / BEST).write_bytes((folder / BEST).read_bytes()[:1000])
    (run / "model.safetensors").unlink()
    go_on(place, run)
    assert equal(run, place / "done")
    remarks = [record.getMessage() for record in caplog.records if record.name.startswith("medse")]
    assert remarks == [
        f"{folder / LAST} is damaged or no checkpoint: going on from previous.ckpt, after epoch 2",
        f"{folder / BEST} is damaged or no checkpoint: the best epoch from now on takes its place",
    ]
    kept = {path.name for path in folder.iterdir()}
    assert kept == {LAST, PREVIOUS, BEST, "damaged_last.ckpt", "damaged_best.ckpt"}
    assert len((run / "log.csv").read_text().splitlines()) == 4


def test_between_two_names_only_the_previous_checkpoint_is_there(place: Path, run: Path) -> None:
    folder = run / "checkpoints"
    (folder / LAST).replace(folder / PREVIOUS)
    (run / "model.safetensors").unlink()
    go_on(place, run)
    assert equal(run, place / "done")


class Foreign:
    """What no checkpoint may hold: unpickling it would run code."""

    def __reduce__(self) -> Any:
        return os.mkdir, ("executed",)


def drop(*keys: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        del content[keys[-1]]

    return change


def put(value: Any, *keys: Any) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        for key in keys[:-1]:
            content = content[key]
        content[keys[-1]] = value

    return change


CHANGES: list[tuple[Callable[[dict[str, Any]], None], str]] = [
    (drop("optimizer_states"), "optimizer_states"),
    (put([], "optimizer_states"), "optimizer_states"),
    (put({}, "optimizer_states", 0, "state"), "optimizer_states.0.state"),
    (put(torch.zeros(2), "optimizer_states", 0, "state", 0, "exp_avg"), "exp_avg"),
    (drop("optimizer_states", 0, "param_groups", 0, "betas"), "betas"),
    (drop("lr_schedulers"), "lr_schedulers"),
    (drop("loops"), "loops"),
    (drop("loops", "fit_loop", "epoch_progress", "current", "processed"), "processed"),
    (put("two", "loops", "fit_loop", "epoch_progress", "current", "processed"), "processed"),
    (put(-1, "loops", "fit_loop", "epoch_progress", "current", "processed"), "processed"),
    (drop("loops", "fit_loop", "epoch_loop.batch_progress"), "batch_progress"),
    (drop("callbacks", "Budget"), "callbacks.Budget"),
    (put("long", "callbacks", "Budget", "time_elapsed", "train"), "time_elapsed"),
    (drop("callbacks", "Checkpoints"), "callbacks.Checkpoints"),
    (drop("state_dict", "net.heads.0.conv.bias"), "another network"),
    (put(torch.zeros(3), "state_dict", "net.more"), "another network"),
    (put("a text", "state_dict", "net.more"), "another network"),
    (put(Foreign(), "more"), "damaged or no checkpoint"),
    (put(Path("x"), "more"), "damaged or no checkpoint"),
    (drop("state_dict"), "no checkpoint of a training"),
    (put([], "state_dict"), "no checkpoint of a training"),
]


@pytest.mark.parametrize(("change", "word"), CHANGES, ids=range(len(CHANGES)))
def test_a_checkpoint_that_lacks_anything_is_refused_before_the_run_is_touched(
    place: Path,
    run: Path,
    tmp_path: Path,
    change: Callable[[dict[str, Any]], None],
    word: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = run / "checkpoints"
    (folder / PREVIOUS).unlink()
    content = torch.load(folder / LAST, weights_only=True)
    change(content)
    torch.save(content, folder / LAST)
    before = state(run)
    with pytest.raises(InputError, match=rf"last.ckpt .*{word}.*; .*(restore|train again)") as caught:
        go_on(place, run, "trainer.max_epochs=9")
    assert str(caught.value).count("\n") == 0
    assert state(run) == before
    assert not (tmp_path / "executed").exists()


def test_files_that_were_swapped_are_sentences(
    place: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, best = run / "model.safetensors", run / "checkpoints" / BEST
    held = best.read_bytes()
    scans = place / "set" / "imagesTr"
    for content, word in [
        (b"", "damaged"),
        (weights.read_bytes(), "damaged"),
        (held[:-5], "damaged"),
        ((run / "log.csv").read_bytes(), "damaged"),
    ]:
        best.write_bytes(content)
        assert medse("predict", run, scans, "--out", run / "pred", "--weights", "best") == 2
        said = capsys.readouterr().err
        assert said.startswith("Error: "), said
        assert "best.ckpt" in said
        assert word in said
        assert len(said.strip().splitlines()) == 1
    best.write_bytes(held)
    config = run / "config.yaml"
    config.write_text(
        config.read_text()
        .replace("- 16\n  attention", "- 24\n  attention")
        .replace("- 8\n  - 16", "- 8\n  - 24")
    )
    for kind in ("final", "best"):
        with pytest.raises(InputError, match=r"holds the weights of another network than config.yaml"):
            load_run(run, device="cpu", weights=kind)  # type: ignore[arg-type]
    weights.write_bytes(held)
    with pytest.raises(InputError, match=r"model.safetensors cannot be read"):
        load_run(run, device="cpu")
    with pytest.raises(InputError, match=r"nope does not exist; give a run directory that train made"):
        load_run(run / "nope")


def test_a_training_that_is_prolonged_is_not_complete_until_it_is(
    place: Path, run: Path, tmp_path: Path
) -> None:
    before = (run / "model.safetensors").read_bytes()
    interrupted(place, run, "trainer.max_epochs=5", after=3, resume=True)
    with pytest.raises(InputError, match="has no model.safetensors; its training is not complete"):
        load_run(run, device="cpu")
    assert (run / "model_before.safetensors").read_bytes() == before
    go_on(place, run, "trainer.max_epochs=5")
    load_run(run, device="cpu")
    assert len((run / "log.csv").read_text().splitlines()) == 6


def test_a_run_that_was_killed_in_its_first_epoch_starts_again(place: Path, tmp_path: Path) -> None:
    interrupted(place, tmp_path / "run", after=0)
    assert not list((tmp_path / "run").rglob("*.ckpt"))
    go_on(place, tmp_path / "run")
    assert equal(tmp_path / "run", place / "done")
    shutil.rmtree(tmp_path / "run" / "checkpoints")
    lines = (tmp_path / "run" / "log.csv").read_text().splitlines(keepends=True)
    with pytest.raises(InputError, match=r"last.ckpt does not exist, though .*log.csv lists epochs"):
        go_on(place, tmp_path / "run")
    (tmp_path / "run" / "log.csv").write_text(
        "".join(lines[:2])
    )  # killed between its first row and its first saving
    go_on(place, tmp_path / "run")
    assert equal(tmp_path / "run", place / "done")


HOLDER = """
import os, sys, time
from pathlib import Path
from medse.runs.lock import locked
with locked(Path(sys.argv[1])):
    if os.fork() == 0:  # as a process that prepares patches
        time.sleep(60)
        os._exit(0)
    print("locked", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="there are no locks on this system")
def test_one_training_at_a_time_and_the_lock_of_a_killed_one_is_gone(place: Path, run: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        before = state(run)
        with pytest.raises(InputError, match=rf"run is being trained by process {holder.pid} on .*; wait"):
            go_on(place, run)
        assert state(run) == before
        holder.kill()
        holder.wait()
        go_on(place, run)
        os.killpg(holder.pid, signal.SIGKILL)
    with locked(run), pytest.raises(InputError, match="is being trained by this process"):
        go_on(place, run)


def test_what_is_no_run_is_left_alone(place: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone does not exist"):
        go_on(place, tmp_path / "gone")
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError, match="mine is not a run directory"):
        go_on(place, tmp_path / "mine")
    (tmp_path / "mine" / "dataset.json").write_text("mine")
    with pytest.raises(InputError, match="mine exists and is not empty; give another run folder"):
        train_run(place / "tiny.yaml", tmp_path / "mine")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "dataset.json"]


@pytest.fixture(scope="module")
def others(place: Path) -> dict[str, Path]:
    """Runs of the same network that validate on the other fold, that have another seed, and that are longer."""
    made = {"fold": ((), 1), "seed": (("seed=5",), 0), "length": (("trainer.max_epochs=4",), 0)}
    for name, (overrides, fold) in made.items():
        train_run(load_config(place / "tiny.yaml", overrides), place / name, fold=fold)
    return {name: place / name for name in made}


@pytest.mark.parametrize("which", ["fold", "seed", "length"])
def test_weights_of_another_run_are_never_used(
    place: Path, run: Path, others: dict[str, Path], which: str, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("model.safetensors", "checkpoints/best.ckpt", "checkpoints/last.ckpt"):
        shutil.copyfile(others[which] / path, run / path)
    for kind, name in (("final", "model.safetensors"), ("best", BEST)):
        with pytest.raises(InputError, match=f"{name} belongs to another run; ") as caught:
            load_run(run, device="cpu", weights=kind)  # type: ignore[arg-type]
        assert str(caught.value).count("\n") == 0
    folder = run / "checkpoints"
    go_on(place, run)  # from its previous checkpoint
    remarks = [record.getMessage() for record in caplog.records if record.name.startswith("medse")]
    assert remarks == [
        f"{folder / LAST} belongs to another run: going on from previous.ckpt, after epoch 2",
        f"{folder / BEST} belongs to another run: the best epoch from now on takes its place",
    ]
    assert equal(run, place / "done")
    assert (run / "model.safetensors").read_bytes() == (place / "done" / "model.safetensors").read_bytes()
    for kind in ("final", "best"):
        load_run(run, device="cpu", weights=kind)  # type: ignore[arg-type]


def test_without_one_of_its_own_a_run_goes_on_from_no_checkpoint_and_no_other_file_is_blamed(
    place: Path, run: Path, others: dict[str, Path]
) -> None:
    shutil.rmtree(run / "checkpoints")
    shutil.copytree(others["fold"] / "checkpoints", run / "checkpoints")
    lines = (run / "log.csv").read_text().splitlines(keepends=True)
    (run / "log.csv").write_text("".join(lines[:2]))
    before = state(run)
    with pytest.raises(InputError, match=r"checkpoints/last.ckpt belongs to another run; .*--run"):
        go_on(place, run)
    assert state(run) == before


def test_weights_that_do_not_say_whose_they_are_are_no_ones(run: Path) -> None:
    save_file(load_file(run / "model.safetensors"), run / "bare.safetensors")
    (run / "bare.safetensors").replace(run / "model.safetensors")
    with pytest.raises(InputError, match="model.safetensors belongs to another run"):
        load_run(run, device="cpu")


def test_runs_that_are_alike_may_exchange_files_wherever_they_lie(place: Path, tmp_path: Path) -> None:
    overrides = ["evaluation.distances=false", "trainer.validate_every=3", "trainer.device=cpu"]
    train_run(load_config(place / "tiny.yaml", overrides), tmp_path / "alike")
    made = (tmp_path / "alike" / "model.safetensors").read_bytes()
    assert made == (place / "done" / "model.safetensors").read_bytes()
    (tmp_path / "alike").rename(tmp_path / "moved")
    load_run(tmp_path / "moved", device="cpu")


@pytest.mark.parametrize("kind", ["folder", "broken link"])
def test_what_is_no_file_is_taken_for_a_damaged_checkpoint(
    place: Path, run: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = run / "checkpoints"
    (folder / "damaged_last.ckpt").write_bytes(b"of an earlier time")
    for name in (LAST, BEST):
        (folder / name).unlink()
        if kind == "folder":
            (folder / name / "in it").mkdir(parents=True)
        else:
            (folder / name).symlink_to("nowhere")
    with pytest.raises(InputError, match="best.ckpt is no file; "):
        load_run(run, device="cpu", weights="best")
    go_on(place, run)
    assert equal(run, place / "done")
    assert f"{folder / LAST} is no file: going on from previous.ckpt, after epoch 2" in caplog.messages
    assert os.path.lexists(folder / "damaged_damaged_last.ckpt")
    assert os.path.lexists(folder / "damaged_best.ckpt")
    assert (folder / "damaged_last.ckpt").read_bytes() == b"of an earlier time"


def test_a_folder_in_place_of_a_file_is_named_before_the_run_goes_on(place: Path, run: Path) -> None:
    (run / "checkpoints" / PREVIOUS).unlink()
    (run / "checkpoints" / PREVIOUS / "in it").mkdir(parents=True)
    go_on(place, run, "trainer.max_epochs=4")
    assert (run / "checkpoints" / PREVIOUS).is_file()
    for name in ("log.csv", "model.safetensors", "validation_cases.txt"):
        held = (run / name).read_bytes()
        (run / name).unlink()
        (run / name).mkdir()
        with pytest.raises(InputError, match=f"{name} is no file, .*move it"):
            go_on(place, run, "trainer.max_epochs=5")
        if name == "model.safetensors":
            with pytest.raises(InputError, match="model.safetensors is no file; "):
                load_run(run, device="cpu")
        (run / name).rmdir()
        (run / name).write_bytes(held)
    (run / "checkpoints" / PREVIOUS).unlink()
    (run / "checkpoints" / LAST).unlink()
    (run / "checkpoints" / LAST).mkdir()
    with pytest.raises(InputError, match=r"checkpoints/last.ckpt is no file; .*--run"):
        go_on(place, run, "trainer.max_epochs=5")


def test_a_missing_list_of_the_validation_cases_is_written_again(place: Path, run: Path) -> None:
    held = (run / "validation_cases.txt").read_text()
    assert held.split() == json.loads((run / "splits.json").read_text())["folds"][0]["validation"]
    (run / "validation_cases.txt").unlink()
    go_on(place, run)
    assert (run / "validation_cases.txt").read_text() == held
    (run / "validation_cases.txt").write_text("mine\n")
    go_on(place, run)
    assert (run / "validation_cases.txt").read_text() == "mine\n"


FIRST_FILES = [
    "dataset.json",
    "splits.json",
    "validation_cases.txt",
    "provenance.json",
    ".part-x-config.yaml",
]


@pytest.mark.parametrize("written", [FIRST_FILES[:1], FIRST_FILES])
def test_a_start_that_was_killed_can_be_made_again(place: Path, run: Path, written: list[str]) -> None:
    for path in list(run.iterdir()):
        if path.name not in {LOCK, *written}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if ".part-x-config.yaml" in written:
        (run / ".part-x-config.yaml").write_text("data:\n")
    with pytest.raises(InputError, match="run is no run yet: .*; start it again without --resume"):
        go_on(place, run)
    train_run(place / "tiny.yaml", run)
    assert equal(run, place / "done")
    assert not list(run.rglob(".part-*"))
    with pytest.raises(InputError, match="exists and is not empty; continue that run"):
        train_run(place / "tiny.yaml", run)


@pytest.mark.parametrize(
    ("given", "word"),
    [({"progress": True}, "progress = true"), ({"fold": "0"}, "fold = '0'"), ({"fold": True}, "fold = true"),
     ({"fold": 1.0}, "fold = 1.0"), ({"fold": None}, "fold = none"), ({"fold": -1}, "no fold -1")],
)  # fmt: skip
def test_arguments_of_a_wrong_kind_are_refused_first(
    place: Path, tmp_path: Path, given: dict[str, Any], word: str
) -> None:
    with pytest.raises(InputError, match=word):
        train_run(place / "tiny.yaml", tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_an_exit_in_a_callback_is_that_exit(place: Path, tmp_path: Path) -> None:
    def leave(_event: object) -> None:
        raise SystemExit(7)

    with pytest.raises(SystemExit) as caught:
        train_run(place / "tiny.yaml", tmp_path / "run", progress=leave)
    assert caught.value.code == 7


def test_checkpoints_take_no_way_through_the_systems_temporary_folder(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "there is none"))
    train_run(load_config(place / "tiny.yaml", ["trainer.max_epochs=1"]), tmp_path / "run")
    assert (tmp_path / "run" / "checkpoints" / LAST).is_file()
