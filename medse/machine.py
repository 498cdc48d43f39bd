"""What can be computed on, and in which precision, by name; how many cores there are, and how much memory."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import psutil

from medse.errors import InputError

DEVICE = r"^(auto|cpu|cuda|cuda:[0-9]+|mps)$"
"""What a device may be called; ``cuda:1`` is the second CUDA GPU, ``mps`` that of an Apple computer."""
Precision = Literal["bf16", "fp16", "fp32"]

CGROUPS = Path("/sys/fs/cgroup")
"""Where the control groups of Linux are, which containers and job schedulers limit memory with."""
MEMBERSHIP = Path("/proc/self/cgroup")
"""A line for each hierarchy of control groups that this process is in: ``number:controllers:path``."""
_UNUSED = ("inactive_file", "active_file")
"""Entries of ``memory.stat``: copies of files, which count as taken and are given up when memory is asked for."""


def cores() -> int:
    """Return how many cores this process may use: a container or a job scheduler may allow fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def available_memory() -> int:
    """Return how many bytes this process may still take without swapping.

    That is the least of what the machine has free, what its control groups leave (a container's, a job's and all
    above them), and what ``ulimit -v`` and ``ulimit -d`` leave. It takes less than a millisecond.
    """
    return max(0, min(_free()))


def _free() -> Iterator[int]:
    yield int(psutil.virtual_memory().available)
    yield from _left_by_groups()
    process = psutil.Process()
    if hasattr(process, "rlimit"):  # Linux
        taken = process.memory_info()
        for limit, used in ((psutil.RLIMIT_AS, taken.vms), (psutil.RLIMIT_DATA, taken.data)):
            soft, _ = process.rlimit(limit)
            if soft != psutil.RLIM_INFINITY:
                yield soft - used


def _left_by_groups() -> Iterator[int]:
    """Yield what each control group that this process is in leaves, of either version and up to the root.

    A container may see its own group as the root, whatever its path is said to be; what is not there is passed over.
    """
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":  # version 2
            root, limit, taken, prefix = CGROUPS, "memory.max", "memory.current", ""
        elif "memory" in controllers.split(","):
            root, limit, taken = CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            prefix = "total_"  # with the groups below it
        else:
            continue
        group = root / path.lstrip("/")
        for folder in (group, *group.parents):
            if not folder.is_relative_to(root):
                break
            try:
                allowed = (folder / limit).read_text(encoding="ascii").strip()
                if allowed == "max":
                    continue
                used = int((folder / taken).read_text(encoding="ascii"))
                stat = dict(
                    entry.split() for entry in (folder / "memory.stat").read_text("ascii").splitlines()
                )
            except OSError:
                continue
            yield int(allowed) - used + sum(int(stat.get(prefix + name, 0)) for name in _UNUSED)


SMALLER = "crop it or make it coarser, close other programs, or use a machine with more memory"
"""What to do about a volume that does not fit into memory."""
_WORDS = (
    "allocate memory",
    "not enough memory",
    "out of memory",
    "bad_alloc",
    "bad allocation",
    "_ALLOC_FAILED",
)
"""How libraries in C++ say that memory was refused, in an error without a type of its own."""


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no more memory, whichever library raised it."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    said = isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
    return isinstance(error, MemoryError) or said or _of_gpu(error)


def _of_gpu(error: BaseException) -> bool:
    """Whether it is PyTorch's error, known by its name because what scores needs no PyTorch."""
    return any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__)


@contextmanager
def memory_for(what: str, remedy: str = SMALLER) -> Iterator[None]:
    """Refuse ``what`` when memory runs out in the block.

    Raises:
        InputError: With ``what``, what was asked for, what is free, and the remedy.
    """
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        said = str(error).strip().split("\n")[0].rstrip(".")
        asked = f" ({said})" if said else ""
        if _of_gpu(error):
            raise InputError(
                f"{what} takes more of the GPU's memory than there is{asked}; {remedy}; or choose the device cpu."
            ) from error
        free = f"{available_memory() / 1e9:.3g} GB were free when it was refused"
        raise InputError(f"{what} takes more memory than there is{asked}; {free}; {remedy}.") from error


def check_memory(needed: int, what: str, size: str, remedy: str = SMALLER) -> None:
    """Raise before memory is taken that is not there: the system may end a process that takes too much.

    Args:
        needed: Bytes that are needed in any case.
        what: What needs them, such as the path of a scan.
        size: How large it is, as messages say it.

    Raises:
        InputError: Less than ``needed`` is available.
    """
    free = available_memory()
    if needed > free:
        raise InputError(
            f"{what} takes {needed / 1e9:.3g} GB more memory ({size}) and {free / 1e9:.3g} GB are free; about "
            f"{free / needed:.0%} of it would fit; {remedy}."
        )


def fitting(each: int, most: int) -> int:
    """Return how many tasks that take ``each`` bytes may run at a time: 1 to ``most``."""
    return max(1, min(most, available_memory() // max(1, each)))
