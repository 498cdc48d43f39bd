"""Kills a training at chosen moments, goes on with it, and compares what it learnt with a training nobody killed.

    python -m tests.support.killed_training --kills 20 --seed 0

prints a line per moment. Everything is imported once; each training is a forked child of its own, killed with -9:

* ``write N``: just before its N-th operation on a file of the run (making, writing, syncing, renaming);
* ``inside N``: in the middle of writing its N-th checkpoint, half of which is on the disk;
* ``time S``: after S seconds, wherever it is.

A run is killed up to three times, also while it goes on, before it may end. Two more things are done to a run: no
file may grow beyond some bytes, as on a full disk, until the training gave up; and a second training is started
while one goes on. All of it must end bit-equal to the training that nothing was done to.
"""

import argparse
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file

from medse.config.run import Config, load_config
from medse.errors import InputError
from medse.train import train_run
from tests.support.generated import TINY, write_data_set

DROPOUT = "net={name: fcdensenet, depth: 2, growth: 4, layers: 1, init_channels: 8, dropout: 0.3}"
UNLIMITED = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
EVENTS = {"open", "os.rename", "os.mkdir", "os.remove", "os.chmod", "os.truncate"}


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def start(train: Callable[[], None], before: Callable[[], None]) -> int:
    """Train in a forked child and return its process id."""
    sys.stdout.flush()
    if pid := os.fork():
        return pid
    code = 1
    try:
        before()
        train()
        code = 0
    except InputError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))  # what is printed may go to a file
        print(f"    {error}")
        code = 3
    except BaseException:
        resource.setrlimit(resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def end(pid: int) -> int:
    """Return the exit code of a child, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def child(train: Callable[[], None], before: Callable[[], None] = lambda: None) -> int:
    return end(start(train, before))


def at_write(run: Path, number: int) -> None:
    """Kill this process before its ``number``-th operation on a file of the run."""
    left = number

    def hook(event: str, given: tuple[object, ...]) -> None:
        nonlocal left
        if event in EVENTS and given and str(given[0]).startswith(str(run)):
            left -= 1
            if left == 0:
                kill()

    sys.addaudithook(hook)
    fsync = os.fsync

    def sync(handle: int) -> None:
        hook("open", (str(run),))
        fsync(handle)

    os.fsync = sync


def inside_checkpoint(number: int) -> None:
    """Kill this process when half of its ``number``-th checkpoint is written."""
    save, left = torch.save, number

    def half(content: object, path: Path) -> None:
        nonlocal left
        left -= 1
        save(content, path)
        if left == 0:
            os.truncate(path, path.stat().st_size // 2)
            kill()

    torch.save = half


def after(seconds: float) -> None:
    threading.Timer(seconds, kill).start()


def count_writes(train: Callable[[], None], run: Path) -> int:
    """Return how many operations on files of the run a whole training has."""
    read, write = os.pipe()

    def counting() -> None:
        done = [0]

        def hook(event: str, given: tuple[object, ...]) -> None:
            if event in EVENTS and given and str(given[0]).startswith(str(run)):
                done[0] += 1

        sys.addaudithook(hook)
        fsync, leave, own = os.fsync, os._exit, os.getpid()

        def sync(handle: int) -> None:
            done[0] += 1
            fsync(handle)

        def tell(code: int) -> None:
            if os.getpid() == own:  # not a worker
                os.write(write, str(done[0]).encode())
            leave(code)

        os.fsync, os._exit = sync, tell

    code = child(train, counting)
    assert code == 0, code
    return int(os.read(read, 20))


def equal(one: Path, other: Path) -> bool:
    first, second = (load_file(run / "model.safetensors") for run in (one, other))
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def go_on(config: Config, run: Path) -> None:
    """What its user would do: resume a run, or start again what is none yet."""
    train_run(config, run, resume=(run / "config.yaml").is_file())


def full_disk(size: int) -> None:
    """Let no file of this process grow beyond ``size`` bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, UNLIMITED))


def said(code: int) -> str:
    return {0: "ended", 3: "refused in a sentence", -9: "killed"}.get(code, f"EXIT {code}")


def judged(told: list[str], run: Path, whole: Path, code: int) -> bool:
    """Print what was done to a run and how it ended; return whether that is as it must be."""
    same = code == 0 and equal(run, whole)
    left = [path.name for path in run.rglob(".part-*")]
    print(
        f"  {'; '.join(told)}; weights {'bit-equal' if same else 'DIFFERENT'} {left or ''}".rstrip(),
        flush=True,
    )
    return same and not left


def killed(
    config: Config, run: Path, whole: Path, draw: random.Random, kinds: list[str], limits: tuple[int, float]
) -> bool:
    """Kill a run at a moment of each kind, let it end, and judge it."""
    told = []
    for kind in kinds:
        moment: float
        match kind:
            case "write":
                before = partial(at_write, run, moment := draw.randint(1, limits[0]))
            case "first":
                before = partial(at_write, run, moment := draw.randint(1, 30))
            case "inside":
                before = partial(inside_checkpoint, moment := draw.randint(1, 2))
            case _:
                before = partial(after, moment := draw.uniform(0.1, limits[1]))
        code = child(partial(go_on, config, run), before)
        told.append(f"{kind} {moment:.3g}: {said(code)}")
        if code != -9:
            break
    else:
        code = child(partial(go_on, config, run))
        told.append(said(code))
    return judged(told, run, whole, code)


def without_room(config: Config, run: Path, whole: Path, size: int) -> bool:
    """Give a run no room for files of more than ``size`` bytes, then enough, and judge it."""
    codes = [child(partial(go_on, config, run), partial(full_disk, size)), child(partial(go_on, config, run))]
    right = judged([f"files up to {size} bytes: {said(codes[0])}", said(codes[1])], run, whole, codes[1])
    return right and codes[0] == 3


def two_at_once(config: Config, run: Path, whole: Path) -> bool:
    """Start a second training of a run that is being trained, and judge it."""
    first = start(partial(go_on, config, run), lambda: None)
    while not (run / "config.yaml").is_file():
        time.sleep(0.05)
    second = child(partial(train_run, config, run, resume=True))
    return judged([f"a second one: {said(second)}"], run, whole, end(first)) and second == 3


def main(kills: int, seed: int, folder: Path, workers: list[int], sizes: list[int]) -> int:
    """Do all of it for each number of workers; return how many runs did not end as they must."""
    torch.set_num_threads(1)
    draw, wrong = random.Random(seed), 0
    write_data_set(folder / "set", 4)
    (folder / "tiny.yaml").write_text(TINY.format(root=folder / "set"))
    for processes in workers:
        given = [DROPOUT, "trainer.max_epochs=4", f"data.workers={processes}"]
        config, whole = load_config(folder / "tiny.yaml", given), folder / f"whole{processes}"
        began = time.monotonic()
        limits = count_writes(partial(train_run, config, whole), whole), time.monotonic() - began
        print(
            f"{processes} workers: a whole training has {limits[0]} operations on files and takes {limits[1]:.1f} s"
        )
        orders = [
            ["first", "write", "time"],
            ["inside", "time", "write"],
            ["time", "write", "inside"],
            ["write", "inside", "first"],
        ]
        for number in range(kills):
            run = folder / f"run{processes}_{number}"
            wrong += not killed(config, run, whole, draw, orders[number % len(orders)], limits)
        for size in (
            [] if processes else sizes
        ):  # the limit would count for the memory that workers share, too
            wrong += not without_room(config, folder / f"full{processes}_{size}", whole, size)
        wrong += not two_at_once(config, folder / f"twice{processes}", whole)
    print(f"{wrong} did not end as they must")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20, help="runs for each number of workers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument(
        "--sizes", type=int, nargs="*", default=[100, 2000, 30_000], help="bytes of a full disk"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        raise SystemExit(min(1, main(asked.kills, asked.seed, Path(made), asked.workers, asked.sizes)))
